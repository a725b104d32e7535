//! The directories that the lower layers of an overlay show, found without mounting it.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};

use crate::RootfsError;
use crate::error::failed;
use crate::overlay::Lower;
use trees::safe_path::is_absent;
use trees::xattr::Flavor;

/// Lower layers of an overlay.
pub(super) struct Lowers<'a> {
    /// Layers from the base up.
    pub all: &'a [Lower],
    /// Attributes that overlayfs uses for itself.
    pub flavor: Flavor,
}

/// Result of a search for a directory in one layer.
enum DirectorySearch {
    Found(OwnedFd),
    /// The layer has nothing there and hides nothing: the layer below decides.
    Unknown,
    /// The merged tree has no directory there from this layer down.
    Hidden,
}

impl Lowers<'_> {
    /// Returns the topmost directory at `path`, whose metadata overlayfs shows. Returns `None` if the merged lower
    /// layers have no directory there.
    pub(super) fn directory(&self, path: &Path) -> Result<Option<OwnedFd>, RootfsError> {
        for lower in self.all.iter().rev() {
            match self.search(lower, path)? {
                DirectorySearch::Found(dir) => return Ok(Some(dir)),
                DirectorySearch::Unknown => {}
                DirectorySearch::Hidden => return Ok(None),
            }
        }
        Ok(None)
    }

    fn search(&self, lower: &Lower, path: &Path) -> Result<DirectorySearch, RootfsError> {
        let mut dir = lower.open()?;
        let mut hides = false;
        for name in path.iter() {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let child = match rustix::fs::openat(&dir, name, flags, Mode::empty()) {
                Ok(child) => child,
                Err(error) if is_absent(error) => {
                    return Ok(if hides { DirectorySearch::Hidden } else { DirectorySearch::Unknown });
                }
                Err(error) => return Err(failed("open", path)(error)),
            };
            let stat = rustix::fs::fstat(&child).map_err(failed("stat", path))?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                return Ok(DirectorySearch::Hidden);
            }
            hides |=
                self.flavor.is_opaque(dir.as_fd(), name).map_err(failed("read an attribute of", path))?;
            dir = child;
        }
        Ok(DirectorySearch::Found(dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::path::PathBuf;
    use trees::safe_path::open_store_dir;

    /// Looks up `path` in three layers. The base has `d/x`, `prepare` fills the middle one, the top is empty.
    /// `expected` is the number of the layer whose directory is found.
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
    fn a_file_or_symlink_hides_directories_below() {
        check(|tree| fs::write(tree.join("d"), "").unwrap(), "d/x", None);
        check(|tree| fs::write(tree.join("d"), "").unwrap(), "d", None);
        check(|tree| std::os::unix::fs::symlink("/", tree.join("d")).unwrap(), "d/x", None);
    }

    #[test]
    fn an_opaque_directory_hides_the_content_of_lower_ones() {
        let opaque = |tree: &Path| {
            fs::create_dir_all(tree.join("d/own")).unwrap();
            Flavor::User.set_opaque(open_store_dir(tree).unwrap().as_fd(), OsStr::new("d")).unwrap();
        };
        check(opaque, "d/x", None);
        check(opaque, "d/own", Some(1));
        check(opaque, "d", Some(1));
    }
}
