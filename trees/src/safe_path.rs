//! Opening paths in trees whose content an image or a process controls.
//!
//! Such a path is always a directory descriptor and a relative path: any name in the tree can be a symlink to
//! anywhere, and can become one between two system calls. [`open_beneath`] follows no symlink at all;
//! [`open_in_root`] follows them as if the tree were the root file system. Operations on a name work in its opened
//! parent and do not follow the last component.
//!
//! The only function that builds a path is [`proc_path`], for system calls that take no descriptor. The first part of
//! that path is the kernel's link to the opened directory, and callers use it with `l…` calls only.
//!
//! Source: openat2(2); CVE-2024-23652, CVE-2024-1753, CVE-2026-33056.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::TreeError;
use crate::error::failed;

/// Opens a directory of the store as `O_PATH`. No image or process controls its path.
pub fn open_store_dir(path: &Path) -> Result<OwnedFd, TreeError> {
    rustix::fs::open(path, DIRECTORY | OFlags::PATH, Mode::empty()).map_err(failed("open", path))
}

/// Flags that open a directory, for reading or as `O_PATH`, unless its last component is a symlink.
pub const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens `path` below `root`. A symlink in any component is `ELOOP`, in the last one too; with `O_PATH` and
/// `O_NOFOLLOW`, a last component that is a symlink is opened itself. The empty path is `root`.
pub fn open_beneath(root: impl AsFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(root.as_fd(), path, flags, resolve)
}

/// Opens `path` below `root`, and follows symlinks as if `root` were `/`. The empty path is `root` itself.
pub fn open_in_root(root: impl AsFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    openat2(root.as_fd(), path, flags, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

/// Maximum number of attempts, after renames elsewhere in the file system made the result of a lookup uncertain.
const MAX_TRIES: usize = 128;

fn openat2(
    root: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    resolve: ResolveFlags,
) -> rustix::io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    for _ in 0..MAX_TRIES {
        match rustix::fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
    Err(Errno::AGAIN)
}

/// Returns a path for `l…xattr` calls, which take no descriptor: of `name` in the opened directory `dir`, or of `dir`
/// itself for the empty name. It is valid while `dir` is open.
pub fn proc_path(dir: BorrowedFd<'_>, name: &OsStr) -> PathBuf {
    let mut path = fd_path(dir).into_os_string();
    path.push("/");
    // The `.` makes the kernel follow its own link to the directory.
    path.push(if name.is_empty() { OsStr::new(".") } else { name });
    path.into()
}

/// Returns the path of the kernel's link to an open file. It is valid while the file is open.
pub fn fd_path(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// Converts bytes to the path that they spell.
pub fn path_of(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

/// Returns the names in an opened directory, ordered by their bytes.
pub fn names(dir: BorrowedFd<'_>) -> rustix::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        match entry.file_name().to_bytes() {
            b"." | b".." => {}
            name => names.push(OsString::from_vec(name.to_owned())),
        }
    }
    names.sort_unstable_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
    Ok(names)
}

/// Reports whether an error means that a part of a path does not exist or is not a directory.
pub fn is_absent(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::{fs, io};

    fn tree() -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/file"), "inside").unwrap();
        fs::write(dir.path().join("secret"), "outside").unwrap();
        symlink("/a", root.join("abs")).unwrap();
        symlink("../../../a/b", root.join("up")).unwrap();
        symlink("../secret", root.join("escape")).unwrap();
        symlink(dir.path().join("secret"), root.join("host")).unwrap();
        symlink("/proc/self/root", root.join("magic")).unwrap();
        let fd = open_store_dir(&root).unwrap();
        (dir, fd)
    }

    fn text(fd: OwnedFd) -> String {
        io::read_to_string(fs::File::from(fd)).unwrap()
    }

    #[test]
    fn open_beneath_follows_no_symlink() {
        let (_dir, root) = tree();
        let open = |path: &str| open_beneath(&root, Path::new(path), OFlags::RDONLY);
        assert_eq!(text(open("a/b/file").unwrap()), "inside");
        assert!(open("").is_ok());
        for link in ["abs", "abs/b/file", "up/file", "escape", "host"] {
            assert_eq!(open(link).unwrap_err(), Errno::LOOP, "{link}");
        }
        assert_eq!(open("../secret").unwrap_err(), Errno::XDEV);
        assert_eq!(open("/a").unwrap_err(), Errno::XDEV);
        assert!(is_absent(open("a/b/file/x").unwrap_err()));
        assert!(is_absent(open("nothing").unwrap_err()));
    }

    #[test]
    fn open_in_root_follows_symlinks_inside_the_root() {
        let (_dir, root) = tree();
        let open = |path: &str| open_in_root(&root, Path::new(path), OFlags::RDONLY);
        for path in ["a/b/file", "/a/b/file", "abs/b/file", "up/file", "../../a/b/file"] {
            assert_eq!(text(open(path).unwrap()), "inside", "{path}");
        }
        for path in ["escape", "host", "../secret", "magic"] {
            assert!(is_absent(open(path).unwrap_err()), "{path}");
        }
        let proc = open_in_root(rustix::fs::CWD, Path::new("/"), OFlags::PATH);
        assert!(proc.is_ok());
    }

    #[test]
    fn names_are_ordered_by_their_bytes() {
        let (dir, _root) = tree();
        let listed = dir.path().join("listed");
        fs::create_dir(&listed).unwrap();
        for name in ["b", "a", "B", "é", "a-"] {
            fs::write(listed.join(name), "").unwrap();
        }
        let fd = open_beneath(open_store_dir(&listed).unwrap(), Path::new(""), OFlags::RDONLY).unwrap();
        assert_eq!(names(fd.as_fd()).unwrap(), ["B", "a", "a-", "b", "é"]);
    }
}
