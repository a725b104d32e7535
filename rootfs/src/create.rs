//! Making what an [`Entry`] says, in a directory that is open.
//!
//! Order matters: the owner first (a change of owner clears set-uid and capabilities), then mode and attributes, the
//! time last. Directories are made accessible first and finished when everything is in them.
//!
//! What this process may not make is left out and remembered ([`Skipped`]), never an error: a device in a user
//! namespace, an owner that is not mapped there (the set-uid and set-gid bits are left out with it).

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::RootfsError;
use crate::entry::{Entry, Kind, Timestamp};
use crate::error::failed;
use crate::safe_path::DIRECTORY;
use crate::xattr::{self, Flavor};

/// What could not be made here, or not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// How many entries.
    pub count: u64,
    /// The first of them, with the reason.
    pub examples: Vec<(PathBuf, String)>,
}

impl Skipped {
    /// As many examples as tell a person what is going on.
    const MAX_EXAMPLES: usize = 8;

    fn add(&mut self, path: &Path, reason: &str) {
        self.count += 1;
        if self.examples.len() < Self::MAX_EXAMPLES {
            self.examples.push((path.to_owned(), reason.to_owned()));
        }
    }
}

/// Makes entries; shared between threads.
pub(crate) struct Creator {
    flavor: Flavor,
    /// Who makes them: owners that need no change.
    owner: (u32, u32),
    skipped: Mutex<Skipped>,
}

/// Where an entry is made: `name` in the opened `dir`; `path` is for messages.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub dir: BorrowedFd<'a>,
    pub name: &'a OsStr,
    pub path: &'a Path,
}

impl<'a> Place<'a> {
    /// `path`, whose parent is open as `dir`.
    pub(crate) fn new(dir: &'a OwnedFd, path: &'a Path) -> Self {
        Self { dir: dir.as_fd(), name: path.file_name().unwrap_or_default(), path }
    }
}

impl Creator {
    /// One for overlayfs as this process may mount it.
    pub(crate) fn new(flavor: Flavor) -> Self {
        let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { flavor, owner, skipped: Mutex::default() }
    }

    /// What has been left out.
    pub(crate) fn into_skipped(self) -> Skipped {
        self.skipped.into_inner().unwrap_or_else(|poison| poison.into_inner())
    }

    /// Makes sure that what is made in the empty directory `root` is ours, and that only we see it until it is finished.
    pub(crate) fn begin_root(&self, root: &OwnedFd, path: &Path) -> Result<(), RootfsError> {
        let (uid, gid) = (Uid::from_raw(self.owner.0), Gid::from_raw(self.owner.1));
        // A set-gid bit above would be inherited, and the group with it.
        rustix::fs::fchown(root, Some(uid), Some(gid)).map_err(failed("set the owner of", path))?;
        rustix::fs::fchmod(root, Mode::RWXU).map_err(failed("set the mode of", path))
    }

    /// Makes a directory for now; [`Creator::finish_directory`] makes it what it should be.
    pub(crate) fn begin_directory(&self, at: Place<'_>) -> Result<(), RootfsError> {
        rustix::fs::mkdirat(at.dir, at.name, Mode::RWXU).map_err(failed("make the directory", at.path))
    }

    /// Gives a directory its owner, mode, attributes and time; nothing may be made in it afterwards.
    pub(crate) fn finish_directory(&self, at: Place<'_>, entry: &Entry) -> Result<(), RootfsError> {
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

    /// Makes a regular file whose content is what `write` writes.
    pub(crate) fn file(
        &self,
        at: Place<'_>,
        entry: &Entry,
        write: impl FnOnce(&File) -> Result<(), RootfsError>,
    ) -> Result<(), RootfsError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(at.dir, at.name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(failed("make the file", at.path))?;
        let file = File::from(file);
        write(&file)?;
        self.own_and_mode(file.as_fd(), at.path, entry)?;
        self.attributes(at, entry)?;
        rustix::fs::futimens(&file, &timestamps(entry.mtime)).map_err(failed("set the time of", at.path))
    }

    /// Makes whatever has neither content nor names in it: a link, a device, a pipe, a whiteout.
    pub(crate) fn special(&self, at: Place<'_>, entry: &Entry) -> Result<(), RootfsError> {
        match &entry.kind {
            Kind::Symlink { target } => self.symlink(at, target, entry),
            Kind::Whiteout => {
                node(at, FileType::CharacterDevice, 0).map_err(failed("make a whiteout of", at.path))
            }
            // Overlayfs would take it for a whiteout.
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

    fn symlink(&self, at: Place<'_>, target: &Path, entry: &Entry) -> Result<(), RootfsError> {
        rustix::fs::symlinkat(target, at.dir, at.name).map_err(failed("make the link", at.path))?;
        self.own_name(at, entry)?;
        set_time(at, entry)
    }

    fn node(&self, at: Place<'_>, kind: FileType, device: u64, entry: &Entry) -> Result<(), RootfsError> {
        match node(at, kind, device) {
            Ok(()) => {}
            Err(Errno::PERM) => {
                self.skip(at.path, "a device, which this process may not make");
                return Ok(());
            }
            Err(error) => return Err(failed("make the device", at.path)(error)),
        }
        let owned = self.own_name(at, entry)?;
        // It was made just now and is no link.
        rustix::fs::chmodat(at.dir, at.name, mode(entry, owned), AtFlags::empty())
            .map_err(failed("set the mode of", at.path))?;
        self.attributes(at, entry)?;
        set_time(at, entry)
    }

    /// Owner and mode of what is open.
    fn own_and_mode(&self, fd: BorrowedFd<'_>, path: &Path, entry: &Entry) -> Result<(), RootfsError> {
        let (uid, gid) = owner(path, entry)?;
        let owned = (entry.uid, entry.gid) == self.owner
            || self.owned(path, rustix::fs::fchown(fd, Some(uid), Some(gid)))?;
        rustix::fs::fchmod(fd, mode(entry, owned)).map_err(failed("set the mode of", path))
    }

    /// The owner of a name; false if it could not be given.
    fn own_name(&self, at: Place<'_>, entry: &Entry) -> Result<bool, RootfsError> {
        let (uid, gid) = owner(at.path, entry)?;
        if (entry.uid, entry.gid) == self.owner {
            return Ok(true);
        }
        let changed = rustix::fs::chownat(at.dir, at.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW);
        self.owned(at.path, changed)
    }

    fn owned(&self, path: &Path, result: rustix::io::Result<()>) -> Result<bool, RootfsError> {
        match result {
            Ok(()) => Ok(true),
            Err(Errno::PERM | Errno::INVAL) => {
                self.skip(path, "an owner that this process may not give");
                Ok(false)
            }
            Err(error) => Err(failed("set the owner of", path)(error)),
        }
    }

    fn attributes(&self, at: Place<'_>, entry: &Entry) -> Result<(), RootfsError> {
        if entry.xattrs.is_empty() {
            return Ok(());
        }
        let skipped =
            xattr::write(at.dir, at.name, &entry.xattrs).map_err(failed("set the attributes of", at.path))?;
        if skipped {
            self.skip(at.path, "an extended attribute that this process may not set");
        }
        Ok(())
    }

    fn skip(&self, path: &Path, reason: &str) {
        self.skipped.lock().unwrap_or_else(|poison| poison.into_inner()).add(path, reason);
    }
}

fn node(at: Place<'_>, kind: FileType, device: u64) -> rustix::io::Result<()> {
    rustix::fs::mknodat(at.dir, at.name, kind, Mode::empty(), device)
}

/// Linux has 12 bits for the major and 20 for the minor number; more would name another device.
fn device(path: &Path, major: u32, minor: u32) -> Result<u64, RootfsError> {
    if major >= 1 << 12 || minor >= 1 << 20 {
        let reason = format!("device number {major}:{minor} is out of range");
        return Err(RootfsError::BadEntry { path: path.to_owned(), reason });
    }
    Ok(rustix::fs::makedev(major, minor))
}

/// An id of all ones means "leave it" to the kernel, so it cannot be an owner.
fn owner(path: &Path, entry: &Entry) -> Result<(Uid, Gid), RootfsError> {
    if entry.uid == u32::MAX || entry.gid == u32::MAX {
        let reason = format!("owner {}:{} is out of range", entry.uid, entry.gid);
        return Err(RootfsError::BadEntry { path: path.to_owned(), reason });
    }
    Ok((Uid::from_raw(entry.uid), Gid::from_raw(entry.gid)))
}

fn mode(entry: &Entry, owned: bool) -> Mode {
    const SET_IDS: u32 = 0o6000;
    Mode::from_raw_mode(if owned { entry.mode & 0o7777 } else { entry.mode & 0o7777 & !SET_IDS })
}

fn set_time(at: Place<'_>, entry: &Entry) -> Result<(), RootfsError> {
    rustix::fs::utimensat(at.dir, at.name, &timestamps(entry.mtime), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(failed("set the time of", at.path))
}

fn timestamps(mtime: Timestamp) -> Timestamps {
    let time = Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}
