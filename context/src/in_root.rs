//! Reading a regular file of a directory, whose symlinks may lead anywhere in the directory and never out of it.
//!
//! The kernel resolves the path with the directory as its root (`openat2` with `RESOLVE_IN_ROOT`). Where it cannot, or a
//! seccomp filter forbids it, no symlink is followed at all.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::beneath;

/// Reads a regular file, up to `max_bytes`, with `directory` as the root of `path` and of all symlinks in it.
pub fn read_in_root(directory: &Path, path: &Path, max_bytes: u64) -> io::Result<Vec<u8>> {
    // A directory that cannot be listed can still contain files that can be read.
    let root =
        rustix::fs::open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = match rustix::fs::openat2(&root, path, flags, Mode::empty(), resolve) {
        Err(Errno::NOSYS | Errno::PERM) => beneath::open(root.as_fd(), path, flags)?,
        file => file?,
    };
    let file = File::from(file);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    // With one byte to spare, the end of the file is found without another allocation and read.
    let capacity = usize::try_from(metadata.len().min(max_bytes)).unwrap_or(0) + 1;
    let mut bytes = Vec::with_capacity(capacity);
    file.take(max_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[track_caller]
    fn check(path: &str, max_bytes: u64, expected: Option<&str>) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("d")).expect("made");
        std::fs::write(root.join("d/file"), "inside").expect("written");
        std::fs::write(dir.path().join("secret"), "outside").expect("written");
        symlink("d/file", root.join("link")).expect("linked");
        symlink("/d/file", root.join("absolute")).expect("linked");
        symlink("../secret", root.join("out")).expect("linked");
        symlink("..", root.join("up")).expect("linked");
        let got = read_in_root(&root, Path::new(path), max_bytes).ok();
        assert_eq!(got.as_deref(), expected.map(str::as_bytes), "{path}");
    }

    #[test]
    fn symlinks_stay_in_the_directory() {
        check("d/file", 100, Some("inside"));
        check("link", 100, Some("inside"));
        check("absolute", 100, Some("inside"));
        check("out", 100, None);
        check("up/secret", 100, None);
        check("../secret", 100, None);
    }

    #[test]
    fn only_a_regular_file_is_read_up_to_the_limit() {
        check("d", 100, None);
        check("none", 100, None);
        check("d/file", 3, Some("ins"));
    }
}
