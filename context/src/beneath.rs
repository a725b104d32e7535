//! Opening files below a directory, never through a symlink.
//!
//! The kernel does it in one call (`openat2`). Where it cannot, because it is old, a seccomp filter forbids the call, or the
//! path is too long for one call, each element is opened by itself without following symlinks. Paths are relative, without
//! `.` and `..`; the empty path is the directory itself.
//!
//! Concurrency: somebody who renames and links in the tree meanwhile can cause an error, but never a file from outside.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawDir, ResolveFlags, Stat};
use rustix::io::Errno;

/// Largest number of times that the kernel can ask to try again while others rename.
const MAX_RETRIES: usize = 100;
/// Size of the buffer that names of a directory are read into.
const NAMES_BYTES: usize = 64 * 1024;

/// Opens `path` below `root`, with `flags` (close-on-exec and no-follow are added).
pub(super) fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY;
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    match open_at_once(root, path, flags) {
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::NAMETOOLONG) => {
            open_stepwise(root, path, flags)
        }
        result => result,
    }
    .map_err(io::Error::from)
}

/// Opens a file that was a regular one when the caller looked; fails if it no longer is.
///
/// The open does not block, as a fifo can have taken the place of the file.
pub(super) fn open_file(root: BorrowedFd<'_>, path: &Path) -> io::Result<(File, Stat)> {
    let file = open(root, path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let stat = rustix::fs::fstat(&file)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
        Ok((File::from(file), stat))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "no longer a regular file"))
    }
}

/// Returns the names in a directory, without `.` and `..`; no more than `max`.
pub(super) fn names(dir: BorrowedFd<'_>, max: usize) -> io::Result<Vec<OsString>> {
    let mut buffer = Vec::with_capacity(NAMES_BYTES);
    let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while names.len() < max
        && let Some(entry) = entries.next()
    {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    Ok(names)
}

fn open_at_once(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..MAX_RETRIES {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            result => return result,
        }
    }
    Err(Errno::AGAIN)
}

fn open_stepwise(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at: Option<OwnedFd> = None;
    let mut elements = path.as_os_str().as_bytes().split(|&byte| byte == b'/').peekable();
    while let Some(element) = elements.next() {
        let flags = if elements.peek().is_some() { step } else { flags };
        let dir = at.as_ref().map_or(root, AsFd::as_fd);
        if element == b".." {
            return Err(Errno::XDEV);
        }
        at = Some(rustix::fs::openat(dir, element, flags, Mode::empty())?);
    }
    at.ok_or(Errno::NOENT)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn both_ways_open_the_same_files() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(dir.path().join("a/b")).expect("made");
        fs::write(dir.path().join("a/b/f"), "x").expect("written");
        symlink("a", dir.path().join("link")).expect("linked");
        symlink("/etc/passwd", dir.path().join("a/out")).expect("linked");
        let root = fs::File::open(dir.path()).expect("opened");
        for (path, expected) in [
            ("a/b/f", true),
            ("a", true),
            (".", true),
            ("link", false),
            ("link/b/f", false),
            ("a/out", false),
            ("absent", false),
            ("a/../..", false),
        ] {
            let path = Path::new(path);
            assert_eq!(open(root.as_fd(), path, OFlags::RDONLY).is_ok(), expected, "{path:?}");
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW;
            assert_eq!(open_stepwise(root.as_fd(), path, flags).is_ok(), expected, "{path:?}");
        }
        assert!(open_file(root.as_fd(), Path::new("a/b/f")).is_ok());
        assert!(open_file(root.as_fd(), Path::new("a/b")).is_err());
    }
}
