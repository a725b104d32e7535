//! Making the file that an [`Entry`] describes, in an opened directory.
//!
//! The order of the operations matters. The owner comes first, since a change of owner clears set-uid bits and
//! capabilities; then mode and attributes; the time comes last. A directory is made accessible to this process first,
//! and gets its final metadata when everything in it has been made.
//!
//! An entry that this process has no right to make is left out and recorded ([`Skipped`]), never an error. Examples
//! are a device in a user namespace, and an owner without a mapping there; set-uid and set-gid bits are left out with
//! the owner.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::TreeError;
use crate::entry::{Entry, Kind, Timestamp};
use crate::error::failed;
use crate::id_map::{IdMap, UID_MAP};
use crate::safe_path::DIRECTORY;
use crate::xattr::{self, Flavor, Owner, SET_IDS};

/// Entries that could not be made, or not with all of their metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Number of such entries.
    pub count: u64,
    /// First entries with the reasons, at most eight.
    pub examples: Vec<(PathBuf, String)>,
}

impl Skipped {
    /// Number of examples that are kept for a message to the user.
    const MAX_EXAMPLES: usize = 8;

    /// Returns the record of a tree that has so many files of another owner than its layer says.
    pub fn owners(count: u64) -> Self {
        Self { count, examples: Vec::new() }
    }

    fn add(&mut self, path: &Path, reason: &str) {
        self.count += 1;
        if self.examples.len() < Self::MAX_EXAMPLES {
            self.examples.push((path.to_owned(), reason.to_owned()));
        }
    }
}

/// Maker of entries; it can be shared between threads.
pub struct Creator {
    flavor: Flavor,
    /// User and group of this process: entries with this owner need no change of owner.
    owner: (u32, u32),
    skipped: Mutex<Skipped>,
}

/// Position of an entry to make.
#[derive(Clone, Copy)]
pub struct Location<'a> {
    /// Directory that gets the entry.
    pub dir: BorrowedFd<'a>,
    /// Name of the entry in the directory.
    pub name: &'a OsStr,
    /// Path of the entry in the tree, for messages.
    pub path: &'a Path,
}

impl<'a> Location<'a> {
    /// Returns the position of `path`, whose parent is open as `dir`.
    pub fn new(dir: &'a OwnedFd, path: &'a Path) -> Self {
        Self { dir: dir.as_fd(), name: path.file_name().unwrap_or_default(), path }
    }
}

impl Creator {
    /// Returns a maker for overlayfs as this process can mount it.
    pub fn new(flavor: Flavor) -> Self {
        let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { flavor, owner, skipped: Mutex::default() }
    }

    /// Returns the entries that have been left out.
    pub fn into_skipped(self) -> Skipped {
        self.skipped.into_inner().unwrap_or_else(|poison| poison.into_inner())
    }

    /// Makes the empty directory `root` private to this process until its final metadata is set.
    pub fn begin_root(&self, root: &OwnedFd, path: &Path) -> Result<(), TreeError> {
        let (uid, gid) = (Uid::from_raw(self.owner.0), Gid::from_raw(self.owner.1));
        // A set-gid bit of the parent would make new entries inherit its group.
        rustix::fs::fchown(root, Some(uid), Some(gid)).map_err(failed("set the owner of", path))?;
        rustix::fs::fchmod(root, Mode::RWXU).map_err(failed("set the mode of", path))
    }

    /// Makes a directory with preliminary metadata; [`Creator::finish_directory`] completes it.
    pub fn begin_directory(&self, at: Location<'_>) -> Result<(), TreeError> {
        rustix::fs::mkdirat(at.dir, at.name, Mode::RWXU).map_err(failed("make the directory", at.path))
    }

    /// Gives a directory its owner, mode, attributes and time. Nothing can be made in it afterwards.
    pub fn finish_directory(&self, at: Location<'_>, entry: &Entry) -> Result<(), TreeError> {
        let name = if at.name.is_empty() { OsStr::new(".") } else { at.name };
        let dir = rustix::fs::openat(at.dir, name, DIRECTORY | OFlags::RDONLY, Mode::empty())
            .map_err(failed("open", at.path))?;
        self.own_and_mode(dir.as_fd(), at.path, entry)?;
        self.attributes(at, entry)?;
        if entry.kind == (Kind::Directory { opaque: true }) {
            self.flavor.set_opaque(at.dir, at.name).map_err(failed("make opaque", at.path))?;
        }
        rustix::fs::futimens(&dir, &timestamps(entry.mtime)).map_err(failed("set the time of", at.path))
    }

    /// Makes a regular file, and has `write` fill it.
    pub fn file(
        &self,
        at: Location<'_>,
        entry: &Entry,
        write: impl FnOnce(&File) -> Result<(), TreeError>,
    ) -> Result<(), TreeError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(at.dir, at.name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(failed("make the file", at.path))?;
        let file = File::from(file);
        write(&file)?;
        self.own_and_mode(file.as_fd(), at.path, entry)?;
        self.attributes(at, entry)?;
        rustix::fs::futimens(&file, &timestamps(entry.mtime)).map_err(failed("set the time of", at.path))
    }

    /// Makes an entry that has neither content nor entries in it: a symlink, a device, a pipe or a whiteout.
    pub fn special(&self, at: Location<'_>, entry: &Entry) -> Result<(), TreeError> {
        match &entry.kind {
            Kind::Symlink { target } => self.symlink(at, target, entry),
            Kind::Whiteout => {
                node(at, FileType::CharacterDevice, 0).map_err(failed("make a whiteout of", at.path))
            }
            // Overlayfs would take this device for a whiteout.
            Kind::CharDevice { major: 0, minor: 0 } => {
                self.skip(at.path, "a character device 0:0");
                Ok(())
            }
            Kind::CharDevice { major, minor } => {
                self.node(at, FileType::CharacterDevice, device(at.path, *major, *minor)?, entry)
            }
            Kind::BlockDevice { major, minor } => {
                self.node(at, FileType::BlockDevice, device(at.path, *major, *minor)?, entry)
            }
            Kind::Fifo => self.node(at, FileType::Fifo, 0, entry),
            Kind::Directory { .. } | Kind::File { .. } | Kind::Hardlink { .. } => {
                unreachable!("made by other functions")
            }
        }
    }

    fn symlink(&self, at: Location<'_>, target: &Path, entry: &Entry) -> Result<(), TreeError> {
        rustix::fs::symlinkat(target, at.dir, at.name).map_err(failed("make the link", at.path))?;
        self.own_name(at, entry)?;
        set_time(at, entry)
    }

    fn node(&self, at: Location<'_>, kind: FileType, device: u64, entry: &Entry) -> Result<(), TreeError> {
        match node(at, kind, device) {
            Ok(()) => {}
            Err(Errno::PERM) => {
                self.skip(at.path, "a device, which this process has no right to make");
                return Ok(());
            }
            Err(error) => return Err(failed("make the device", at.path)(error)),
        }
        let owned = self.own_name(at, entry)?;
        // The name was made by the call above and is not a symlink.
        rustix::fs::chmodat(at.dir, at.name, mode(entry, owned), AtFlags::empty())
            .map_err(failed("set the mode of", at.path))?;
        self.attributes(at, entry)?;
        set_time(at, entry)
    }

    /// Sets the owner and the mode of an open file or directory.
    fn own_and_mode(&self, fd: BorrowedFd<'_>, path: &Path, entry: &Entry) -> Result<(), TreeError> {
        let (uid, gid) = owner(path, entry)?;
        let owned = (entry.uid, entry.gid) == self.owner
            || self.owned(path, rustix::fs::fchown(fd, Some(uid), Some(gid)))?;
        if !owned {
            mark_owner(fd, path, entry)?;
        }
        rustix::fs::fchmod(fd, mode(entry, owned)).map_err(failed("set the mode of", path))
    }

    /// Sets the owner of a name; returns `false` if this process has no right to.
    fn own_name(&self, at: Location<'_>, entry: &Entry) -> Result<bool, TreeError> {
        let (uid, gid) = owner(at.path, entry)?;
        if (entry.uid, entry.gid) == self.owner {
            return Ok(true);
        }
        let changed = rustix::fs::chownat(at.dir, at.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW);
        self.owned(at.path, changed)
    }

    fn owned(&self, path: &Path, result: rustix::io::Result<()>) -> Result<bool, TreeError> {
        match result {
            Ok(()) => Ok(true),
            Err(Errno::PERM | Errno::INVAL) => {
                self.skip(path, "an owner, which this process has no right to set");
                Ok(false)
            }
            Err(error) => Err(failed("set the owner of", path)(error)),
        }
    }

    fn attributes(&self, at: Location<'_>, entry: &Entry) -> Result<(), TreeError> {
        if entry.xattrs.is_empty() {
            return Ok(());
        }
        let skipped =
            xattr::write(at.dir, at.name, &entry.xattrs).map_err(failed("set the attributes of", at.path))?;
        if skipped {
            self.skip(at.path, "an extended attribute, which this process has no right to set");
        }
        Ok(())
    }

    fn skip(&self, path: &Path, reason: &str) {
        self.skipped.lock().unwrap_or_else(|poison| poison.into_inner()).add(path, reason);
    }
}

/// Leaves a note of the owner that an open file or directory cannot have ([`the snapshot that reads it).
pub fn mark_owner(fd: BorrowedFd<'_>, path: &Path, entry: &Entry) -> Result<(), TreeError> {
    let (uid, gid) = (entry.uid, entry.gid);
    let mark = Owner::of(entry).mark();
    match rustix::fs::fsetxattr(fd, xattr::OWNER, mark.as_bytes(), XattrFlags::empty()) {
        Err(Errno::OPNOTSUPP | Errno::PERM | Errno::NOSPC) => {
            let count = IdMap::current().map_err(failed("read", UID_MAP))?.user_count();
            Err(TreeError::UnmappedOwner { path: path.to_owned(), uid, gid, count })
        }
        marked => marked.map_err(failed("set an attribute of", path)),
    }
}

fn node(at: Location<'_>, kind: FileType, device: u64) -> rustix::io::Result<()> {
    rustix::fs::mknodat(at.dir, at.name, kind, Mode::empty(), device)
}

/// Returns the device number. Linux has 12 bits for the major and 20 bits for the minor number, and would drop the
/// others.
fn device(path: &Path, major: u32, minor: u32) -> Result<u64, TreeError> {
    if major >= 1 << 12 || minor >= 1 << 20 {
        let reason = format!("device number {major}:{minor} is out of range");
        return Err(TreeError::BadEntry { path: path.to_owned(), reason });
    }
    Ok(rustix::fs::makedev(major, minor))
}

/// Returns the owner. An ID of all ones is refused: to the kernel it means "leave as it is".
fn owner(path: &Path, entry: &Entry) -> Result<(Uid, Gid), TreeError> {
    if entry.uid == u32::MAX || entry.gid == u32::MAX {
        let reason = format!("owner {}:{} is out of range", entry.uid, entry.gid);
        return Err(TreeError::BadEntry { path: path.to_owned(), reason });
    }
    Ok((Uid::from_raw(entry.uid), Gid::from_raw(entry.gid)))
}

fn mode(entry: &Entry, owned: bool) -> Mode {
    Mode::from_raw_mode(if owned { entry.mode & 0o7777 } else { entry.mode & 0o7777 & !SET_IDS })
}

fn set_time(at: Location<'_>, entry: &Entry) -> Result<(), TreeError> {
    rustix::fs::utimensat(at.dir, at.name, &timestamps(entry.mtime), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(failed("set the time of", at.path))
}

fn timestamps(mtime: Timestamp) -> Timestamps {
    let time = Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}
