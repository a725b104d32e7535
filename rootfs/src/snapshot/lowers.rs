//! The lower layers of an overlay: what they are, and what they show, without mounting it.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, Stat};

use crate::RootfsError;
use crate::error::failed;
use crate::layers::in_place::Mounted;
use crate::layers::tree::{Home, Stamp};
use crate::safe_path::{is_absent, open_store_dir};
use crate::xattr::Flavor;

/// What an overlay can have as a lower layer.
#[derive(Debug, Clone)]
pub(crate) enum Lower {
    /// A directory of ours.
    Directory(PathBuf),
    /// A layer that is mounted in place.
    Mounted(Arc<Mounted>),
}

impl Lower {
    /// Its root, as `O_PATH`.
    pub(crate) fn open(&self) -> Result<OwnedFd, RootfsError> {
        match self {
            Self::Directory(path) => open_store_dir(path),
            Self::Mounted(mounted) => mounted.root().try_clone().map_err(failed("open", self.path())),
        }
    }

    /// For messages.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) => path,
            Self::Mounted(mounted) => mounted.path(),
        }
    }
}

/// A layer in a form that an overlay can stand on.
#[derive(Debug, Clone)]
pub(crate) enum Ground {
    /// Unpacked, or left by a step.
    Tree(Home, Stamp),
    /// Mounted in place.
    Mounted(Arc<Mounted>),
}

impl Ground {
    /// For an overlay.
    pub(crate) fn lower(&self) -> Lower {
        match self {
            Self::Tree(home, _) => Lower::Directory(home.tree()),
            Self::Mounted(mounted) => Lower::Mounted(Arc::clone(mounted)),
        }
    }

    /// Its tree on disk, if it has one.
    pub(crate) fn tree(&self) -> Option<(&Home, &Stamp)> {
        match self {
            Self::Tree(home, stamp) => Some((home, stamp)),
            Self::Mounted(_) => None,
        }
    }

    /// Whether the layer says what the root is; else those below do.
    fn has_root(&self) -> bool {
        match self {
            Self::Tree(_, stamp) => stamp.has_root,
            Self::Mounted(mounted) => mounted.has_root(),
        }
    }
}

/// The merged root of layers, as far as metadata goes: that of the topmost one that says something of it.
pub(super) fn root_of(grounds: &[Ground]) -> Result<Option<OwnedFd>, RootfsError> {
    let top = grounds.iter().rev().find(|ground| ground.has_root());
    top.map(|ground| ground.lower().open()).transpose()
}

/// Lower layers, from the base up.
pub(super) struct Lowers<'a> {
    pub all: &'a [Lower],
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
        for lower in self.all.iter().rev() {
            match self.ask(lower, path)? {
                Answer::Directory(dir) => return Ok(Some(dir)),
                Answer::Unknown => {}
                Answer::No => return Ok(None),
            }
        }
        Ok(None)
    }

    fn ask(&self, lower: &Lower, path: &Path) -> Result<Answer, RootfsError> {
        let mut dir = lower.open()?;
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
        let all: Vec<Lower> = trees.iter().cloned().map(Lower::Directory).collect();
        let lowers = Lowers { all: &all, flavor: Flavor::User };
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
