//! What the lower layers of an overlay show, without mounting them.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat};

use crate::RootfsError;

use crate::safe_path::{failed, is_absent, open_store_dir};
use crate::xattr::Flavor;

/// Trees of layers, from the base up.
pub(super) struct Lowers<'a> {
    pub trees: &'a [PathBuf],
    pub flavor: Flavor,
}

/// What one layer says of a path.
enum Answer {
    /// It is a directory.
    Directory(OwnedFd),
    /// Nothing: ask the layer below.
    Unknown,
    /// There is no directory, whatever the layers below have.
    No,
}

impl Lowers<'_> {
    /// The topmost directory at `path`, the one that overlayfs takes the metadata from; `None` if `path` is none in the
    /// lower layers, or is hidden there.
    pub(super) fn directory(&self, path: &Path) -> Result<Option<OwnedFd>, RootfsError> {
        for tree in self.trees.iter().rev() {
            match self.ask(tree, path)? {
                Answer::Directory(dir) => return Ok(Some(dir)),
                Answer::Unknown => {}
                Answer::No => return Ok(None),
            }
        }
        Ok(None)
    }

    fn ask(&self, tree: &Path, path: &Path) -> Result<Answer, RootfsError> {
        let mut dir = open_store_dir(tree)?;
        let mut hides = false;
        for name in path.iter() {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let child = match rustix::fs::openat(&dir, name, flags, Mode::empty()) {
                Ok(child) => child,
                Err(error) if is_absent(error) => {
                    return Ok(if hides { Answer::No } else { Answer::Unknown });
                }
                Err(error) => return Err(failed("open", path)(error)),
            };
            if kind(&rustix::fs::fstat(&child).map_err(failed("stat", path))?) != FileType::Directory {
                return Ok(Answer::No);
            }
            hides |=
                self.flavor.is_opaque(dir.as_fd(), name).map_err(failed("read an attribute of", path))?;
            dir = child;
        }
        Ok(Answer::Directory(dir))
    }
}

/// The kind of what was stat'ed.
pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;

    /// Three layers: `d/x` is in the base; `d` is a file, nothing, or opaque above it.
    #[track_caller]
    fn check(prepare: impl Fn(&Path), path: &str, expected: Option<usize>) {
        let dir = tempfile::tempdir().unwrap();
        let trees: Vec<PathBuf> = (0..3).map(|n| dir.path().join(n.to_string())).collect();
        trees.iter().for_each(|tree| fs::create_dir(tree).unwrap());
        fs::create_dir_all(trees[0].join("d/x")).unwrap();
        prepare(&trees[1]);
        let lowers = Lowers { trees: &trees, flavor: Flavor::User };
        let found = lowers.directory(Path::new(path)).unwrap().map(|fd| {
            let inode = rustix::fs::fstat(fd).unwrap().st_ino;
            let same =
                |tree: &PathBuf| rustix::fs::lstat(tree.join(path)).is_ok_and(|stat| stat.st_ino == inode);
            trees.iter().position(same).unwrap()
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn the_topmost_directory_is_found() {
        check(|_| (), "d/x", Some(0));
        check(|_| (), "", Some(2));
        check(|_| (), "d/y", None);
        check(|tree| fs::create_dir(tree.join("d")).unwrap(), "d", Some(1));
        check(|tree| fs::create_dir(tree.join("d")).unwrap(), "d/x", Some(0));
        check(|tree| fs::create_dir_all(tree.join("d/x")).unwrap(), "d/x", Some(1));
    }

    #[test]
    fn what_is_no_directory_hides_those_below() {
        check(|tree| fs::write(tree.join("d"), "").unwrap(), "d/x", None);
        check(|tree| fs::write(tree.join("d"), "").unwrap(), "d", None);
        check(|tree| std::os::unix::fs::symlink("/", tree.join("d")).unwrap(), "d/x", None);
    }

    #[test]
    fn an_opaque_directory_hides_what_it_has_not() {
        let opaque = |tree: &Path| {
            fs::create_dir_all(tree.join("d/own")).unwrap();
            Flavor::User.set_opaque(open_store_dir(tree).unwrap().as_fd(), OsStr::new("d")).unwrap();
        };
        check(opaque, "d/x", None);
        check(opaque, "d/own", Some(1));
        check(opaque, "d", Some(1));
    }
}
