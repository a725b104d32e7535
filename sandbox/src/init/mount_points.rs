//! Paths in the root file system, found or created: mount points and the working directory.
//!
//! The root file system is hostile: any component of a path can be a symlink to anywhere, and other processes can
//! exchange entries of a shared mount during the walk. Therefore each component is opened by itself, and the kernel
//! never follows a symlink. The walk follows the target of a symlink itself, inside the root. `..` goes back on the
//! walk's own stack of descriptors, so that no step can leave the root.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, StatxFlags, Uid, chownat, fstat, mkdirat, openat, readlinkat, statx,
};
use rustix::io::Errno;

use crate::CreatedMountPoint;

/// Symlinks that one path can contain, as in the kernel.
const MAX_SYMLINKS: u32 = 40;

/// Required type of the last component of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
}

/// The file or directory at a path.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) fd: OwnedFd,
    /// Entries that were created for it in the root file system itself; those in mounts on it are left out.
    pub(super) created: Vec<CreatedMountPoint>,
}

/// The root file system, by its root directory.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    /// The kernel's id of the mount, which distinguishes the root file system from mounts on it.
    mount_id: u64,
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Root {
    /// Takes the root directory of the mount.
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        let mount_id = mount_id(fd.as_fd())?;
        Ok(Self { fd, mount_id })
    }

    /// Opens the directory `name` right below the root, creating it if it is missing.
    ///
    /// The kernel's own file systems are mounted there, so that anything else, above all a symlink, is an error.
    pub(super) fn system_directory(&self, name: &str) -> io::Result<OwnedFd> {
        let open = || openat(&self.fd, name, PATH | OFlags::DIRECTORY, Mode::empty());
        match open() {
            Err(Errno::NOENT) => {
                match mkdirat(&self.fd, name, DIRECTORY_MODE) {
                    Err(Errno::EXIST) => {}
                    result => result?,
                }
                Ok(open()?)
            }
            Err(Errno::NOTDIR | Errno::LOOP) => {
                Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a real directory in this image"))
            }
            result => Ok(result?),
        }
    }

    /// Opens the file or directory at `path`, creating the missing components.
    ///
    /// Directories are created with mode 0755 and files with mode 0644; `owner` is the uid and gid they get, if any.
    pub(super) fn find_or_create(
        &self,
        path: &Path,
        kind: Kind,
        owner: Option<(u32, u32)>,
    ) -> io::Result<Resolved> {
        Walk {
            root: self,
            owner,
            stack: Vec::new(),
            rest: components(path.as_os_str()),
            symlinks: 0,
            created: Vec::new(),
        }
        .run(kind)
    }
}

const PATH: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);

fn mount_id(fd: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?.stx_mnt_id)
}

/// Returns the components of `path`, the first one last, without empty ones and `.`.
fn components(path: &OsStr) -> Vec<OsString> {
    let parts = path.as_bytes().split(|byte| *byte == b'/').rev();
    parts
        .filter(|part| !part.is_empty() && part != b".")
        .map(|part| OsString::from_vec(part.to_vec()))
        .collect()
}

fn create(parent: BorrowedFd<'_>, name: &OsStr, kind: Kind) -> Result<(), Errno> {
    if kind == Kind::Directory {
        return mkdirat(parent, name, DIRECTORY_MODE);
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, FILE_MODE).map(drop)
}

/// A walk down a path, component by component.
struct Walk<'a> {
    root: &'a Root,
    owner: Option<(u32, u32)>,
    /// Directories from below the root down to the current one, with their names.
    stack: Vec<(OsString, OwnedFd)>,
    /// Components that are still to be walked, the next one last.
    rest: Vec<OsString>,
    /// Number of symlinks followed so far.
    symlinks: u32,
    created: Vec<CreatedMountPoint>,
}

impl Walk<'_> {
    fn run(mut self, kind: Kind) -> io::Result<Resolved> {
        while let Some(name) = self.rest.pop() {
            if name == ".." {
                self.stack.pop();
            } else if let Some(file) = self.step(name, kind)? {
                return Ok(Resolved { fd: file, created: self.created });
            }
        }
        if kind == Kind::File {
            return Err(Errno::ISDIR.into());
        }
        let fd = rustix::io::fcntl_dupfd_cloexec(self.current(), 0)?;
        Ok(Resolved { fd, created: self.created })
    }

    /// Returns the directory that the walk has reached.
    fn current(&self) -> BorrowedFd<'_> {
        self.stack.last().map_or(self.root.fd.as_fd(), |(_, fd)| fd.as_fd())
    }

    /// Enters the directory or symlink `name`. Returns a file, which can only be the last component.
    fn step(&mut self, name: OsString, kind: Kind) -> io::Result<Option<OwnedFd>> {
        let required = if self.rest.is_empty() { kind } else { Kind::Directory };
        let fd = match openat(self.current(), &name, PATH, Mode::empty()) {
            Err(Errno::NOENT) => self.create(&name, required)?,
            result => result?,
        };
        match (FileType::from_raw_mode(fstat(&fd)?.st_mode), required) {
            (FileType::Symlink, _) => self.follow(&fd)?,
            (FileType::Directory, _) => self.stack.push((name, fd)),
            (_, Kind::File) => return Ok(Some(fd)),
            (_, Kind::Directory) => return Err(Errno::NOTDIR.into()),
        }
        Ok(None)
    }

    /// Continues the walk with the target of a symlink.
    fn follow(&mut self, symlink: &OwnedFd) -> io::Result<()> {
        self.symlinks += 1;
        if self.symlinks > MAX_SYMLINKS {
            return Err(Errno::LOOP.into());
        }
        let target = readlinkat(symlink, c"", Vec::new())?;
        if target.as_bytes().starts_with(b"/") {
            self.stack.clear();
        }
        self.rest.extend(components(OsStr::from_bytes(target.as_bytes())));
        Ok(())
    }

    /// Creates `name` and opens it. Another sandbox that has the same mount can create it first, which is as good.
    fn create(&mut self, name: &OsStr, kind: Kind) -> io::Result<OwnedFd> {
        match create(self.current(), name, kind) {
            Err(Errno::EXIST) => {}
            result => {
                result?;
                self.note_created(name, kind)?;
            }
        }
        Ok(openat(self.current(), name, PATH, Mode::empty())?)
    }

    /// Gives the new entry `name` to the owner, and records it if it is in the root file system itself.
    fn note_created(&mut self, name: &OsStr, kind: Kind) -> io::Result<()> {
        if let Some((uid, gid)) = self.owner {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            chownat(self.current(), name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if mount_id(self.current())? == self.root.mount_id {
            self.created
                .push(CreatedMountPoint { path: self.path_of(name), is_dir: kind == Kind::Directory });
        }
        Ok(())
    }

    /// Returns the path of `name` in the current directory, relative to the root and without symlinks.
    fn path_of(&self, name: &OsStr) -> PathBuf {
        let parents = self.stack.iter().map(|(name, _)| name.as_os_str());
        parents.chain([name]).collect()
    }
}

#[cfg(test)]
mod tests;
