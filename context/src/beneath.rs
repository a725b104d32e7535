//! Opening files below a directory, never through a symbolic link.
//!
//! The kernel does it in one call (`openat2`); where it cannot, or a seccomp filter forbids it, each element is opened by
//! itself without following. Paths are relative, without `.` and `..`; the empty path is the directory itself.
//!
//! Concurrency: whoever renames and links in the tree meanwhile gets an error out of it, never a file from outside.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

/// How often the kernel may ask to try again while others rename.
const RETRIES: usize = 100;

/// Opens `path` below `root`, with `flags` (close-on-exec and no-follow are added).
pub(super) fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NOCTTY;
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    match open_at_once(root, path, flags) {
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => open_stepwise(root, path, flags),
        result => result,
    }
    .map_err(io::Error::from)
}

/// Opens a file of which the caller knows that it is a regular one; an error if it no longer is.
///
/// Without blocking, as what was a file may be a fifo by now.
pub(super) fn open_file(root: BorrowedFd<'_>, path: &Path) -> io::Result<(File, Stat)> {
    let file = open(root, path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    let stat = rustix::fs::fstat(&file)?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
        Ok((File::from(file), stat))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "no longer a regular file"))
    }
}

fn open_at_once(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..RETRIES {
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
    fn both_ways_open_the_same() {
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
            ("none", false),
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
