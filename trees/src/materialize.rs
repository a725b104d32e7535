//! Writing a tree, or part of one, to disk: contexts and stages that a `RUN --mount` binds, and the first content of
//! cache mounts.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};

use crate::TreeError;
use crate::create::{Creator, Location, Skipped};
use crate::entry::{Entry, Kind};
use crate::error::failed;
use crate::safe_path::{DIRECTORY, open_beneath};
use crate::sparse;
use crate::tree::{Child, Tree, resolve};
use crate::xattr::Flavor;

/// Writes what is at `source` in `tree` (symlinks resolved inside the tree) below the empty directory `dest`, which
/// nothing else changes meanwhile. Returns its path: `dest` itself for a directory, a file in `dest` otherwise.
pub fn materialize(tree: &dyn Tree, source: &Path, dest: &Path) -> Result<(PathBuf, Skipped), TreeError> {
    let source = resolve(tree, source, true).map_err(failed("resolve", source))?;
    let entry = lookup(tree, &source)?;
    let root =
        rustix::fs::open(dest, DIRECTORY | OFlags::RDONLY, Mode::empty()).map_err(failed("open", dest))?;
    let mut materializer = Materializer::new(tree, root);
    materializer.creator.begin_root(&materializer.root, dest)?;
    let made = if entry.is_dir() {
        materializer.directory(&source, entry)?;
        dest.to_owned()
    } else {
        let name = PathBuf::from(source.file_name().unwrap_or(OsStr::new("file")));
        let root = rustix::io::dup(&materializer.root).map_err(failed("open", dest))?;
        materializer.entry(
            Location { dir: root.as_fd(), name: name.as_os_str(), path: &name },
            &source,
            &entry,
        )?;
        dest.join(name)
    };
    Ok((made, materializer.creator.into_skipped()))
}

/// Writer of a tree below a directory.
pub struct Materializer<'a> {
    /// Tree that is read.
    pub tree: &'a dyn Tree,
    /// Directory that the tree is written to.
    pub root: OwnedFd,
    /// Maker of the files, which remembers the attributes that it could not set.
    pub creator: Creator,
    /// Paths below `root` of the first names of files with several names, by link group.
    links: HashMap<u64, PathBuf>,
    /// Memory for the content of files.
    buffer: Vec<u8>,
}

impl<'a> Materializer<'a> {
    /// Returns a writer of `tree` below the directory `root`.
    pub fn new(tree: &'a dyn Tree, root: OwnedFd) -> Self {
        Self {
            tree,
            root,
            creator: Creator::new(Flavor::current()),
            links: HashMap::new(),
            buffer: Vec::new(),
        }
    }

    /// Writes the directory `source` of the tree as `root`.
    fn directory(&mut self, source: &Path, entry: Entry) -> Result<(), TreeError> {
        let directories = self.fill(source, PathBuf::new(), entry)?;
        directories.iter().rev().try_for_each(|(path, entry)| self.finish(path, entry))
    }

    /// Fills the empty directory `path` with everything that the tree has below it. The tree has the root at `source`.
    /// Returns the directory, which is `entry`, and all directories in it, each after its parent. They are to be
    /// finished in the reverse order.
    pub fn fill(
        &mut self,
        source: &Path,
        path: PathBuf,
        entry: Entry,
    ) -> Result<Vec<(PathBuf, Entry)>, TreeError> {
        let mut directories = vec![(path, entry)];
        let mut next = 0;
        while next < directories.len() {
            let (path, _) = &directories[next];
            let below = self.names_in(source, &path.clone())?;
            directories.extend(below);
            next += 1;
        }
        Ok(directories)
    }

    /// Makes the entries in the directory at `path` below `source`; returns the directories among them.
    fn names_in(&mut self, source: &Path, path: &Path) -> Result<Vec<(PathBuf, Entry)>, TreeError> {
        let dir = self.open(path)?;
        let from = join(source, path);
        let children = self.tree.children(&from).map_err(failed("read the directory", &from))?;
        let mut directories = Vec::new();
        for Child { name, entry, .. } in children {
            let path = path.join(&name);
            let place = Location { dir: dir.as_fd(), name: &name, path: &path };
            if entry.is_dir() {
                self.creator.begin_directory(place)?;
                directories.push((path, entry));
            } else {
                self.entry(place, &from.join(&name), &entry)?;
            }
        }
        Ok(directories)
    }

    /// Makes an entry that is not a directory.
    pub fn entry(&mut self, at: Location<'_>, source: &Path, entry: &Entry) -> Result<(), TreeError> {
        let Kind::File { size_bytes } = entry.kind else {
            return self.creator.special(at, entry);
        };
        let group = self.tree.link_group(source).map_err(failed("look up", source))?;
        if let Some(first) = group.and_then(|group| self.links.get(&group)) {
            return link(&self.root, first, at);
        }
        let buffer = &mut self.buffer;
        self.creator.file(at, entry, |file| {
            let mut content = self.tree.open_sparse(source).map_err(failed("open", source))?;
            let copied =
                sparse::copy(&mut *content, size_bytes, file, buffer).map_err(failed("copy", source))?;
            if copied == size_bytes { Ok(()) } else { Err(TreeError::Changed { path: source.to_owned() }) }
        })?;
        if let Some(group) = group {
            self.links.insert(group, at.path.to_owned());
        }
        Ok(())
    }

    /// Gives the directory `path` its metadata.
    pub fn finish(&self, path: &Path, entry: &Entry) -> Result<(), TreeError> {
        let parent = self.open(path.parent().unwrap_or(Path::new("")))?;
        self.creator.finish_directory(Location::new(&parent, path), entry)
    }

    /// Opens the directory `path` below the root.
    pub fn open(&self, path: &Path) -> Result<OwnedFd, TreeError> {
        open_beneath(&self.root, path, DIRECTORY | OFlags::RDONLY).map_err(failed("open", path))
    }
}

/// Makes `at` another name of `first`, which was made below `root`.
pub fn link(root: &OwnedFd, first: &Path, at: Location<'_>) -> Result<(), TreeError> {
    let parent = first.parent().unwrap_or(Path::new(""));
    let from = open_beneath(root, parent, DIRECTORY | OFlags::PATH).map_err(failed("open", parent))?;
    let name = first.file_name().unwrap_or_default();
    rustix::fs::linkat(from, name, at.dir, at.name, AtFlags::empty()).map_err(failed("link", at.path))
}

/// Returns `base.join(path)`, but without a trailing slash for the empty path.
fn join(base: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { base.to_owned() } else { base.join(path) }
}

fn lookup(tree: &dyn Tree, path: &Path) -> Result<Entry, TreeError> {
    let entry = tree.lookup(path).and_then(|entry| entry.ok_or_else(|| io::ErrorKind::NotFound.into()));
    entry.map_err(failed("find", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Timestamp;
    use crate::memory_tree::MemoryTree;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn with_mode(kind: Kind, mode: u32) -> Entry {
        let mtime = Timestamp { seconds: 1_000_000_000, nanoseconds: 123_456_789 };
        Entry { kind, mtime, uid: uid(), gid: gid(), ..Entry::directory(mode) }
    }

    fn uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn gid() -> u32 {
        rustix::process::getegid().as_raw()
    }

    fn tree() -> MemoryTree {
        let directory = || Kind::Directory { opaque: false };
        MemoryTree::new()
            .put("src", with_mode(directory(), 0o2750), b"")
            .put("src/run", with_mode(Kind::File { size_bytes: 2 }, 0o4711), b"hi")
            .put("src/closed", with_mode(directory(), 0o500), b"")
            .put("src/closed/pipe", with_mode(Kind::Fifo, 0o640), b"")
            .put("src/out", with_mode(Kind::Symlink { target: "/etc/passwd".into() }, 0o777), b"")
            .link("alias", "/src")
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_directory_is_written_with_everything_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let (made, skipped) = materialize(&tree(), Path::new("/alias"), dir.path()).unwrap();
        assert_eq!((made.as_path(), skipped), (dir.path(), Skipped::default()));
        assert_eq!(mode(&made), 0o2750);
        assert_eq!(mode(&made.join("run")), 0o4711);
        assert_eq!(mode(&made.join("closed")), 0o500);
        assert_eq!(mode(&made.join("closed/pipe")), 0o640);
        assert_eq!(fs::read_link(made.join("out")).unwrap(), Path::new("/etc/passwd"));
        for path in ["", "run", "closed", "closed/pipe", "out"] {
            let status = fs::symlink_metadata(made.join(path)).unwrap();
            assert_eq!((status.mtime(), status.mtime_nsec()), (1_000_000_000, 123_456_789), "{path}");
        }
        fs::set_permissions(made.join("closed"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
    }

    #[test]
    fn a_single_file_is_written_into_the_destination() {
        let dir = tempfile::tempdir().unwrap();
        let (made, _) = materialize(&tree(), Path::new("src/run"), dir.path()).unwrap();
        assert_eq!(made, dir.path().join("run"));
        assert_eq!(fs::read(made).unwrap(), b"hi");
    }

    #[test]
    fn a_missing_source_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(materialize(&tree(), Path::new("no"), dir.path()), Err(TreeError::Io { .. })));
    }

    #[test]
    fn a_file_shorter_than_its_tree_says_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let liar = MemoryTree::new().put("f", with_mode(Kind::File { size_bytes: 3 }, 0o644), b"hi");
        assert!(matches!(materialize(&liar, Path::new("f"), dir.path()), Err(TreeError::Changed { .. })));
    }

    #[test]
    fn nothing_is_written_through_a_symlink() {
        let dir = tempfile::tempdir().unwrap();
        let (dest, outside) = (dir.path().join("dest"), dir.path().join("outside"));
        fs::create_dir(&dest).unwrap();
        fs::create_dir(&outside).unwrap();
        symlink(&outside, dest.join("closed")).unwrap();
        assert!(materialize(&tree(), Path::new("src"), &dest).is_err());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[test]
    fn owners_and_device_numbers_out_of_range_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let nobody = Entry { uid: u32::MAX, ..with_mode(Kind::Fifo, 0o600) };
        let device = with_mode(Kind::CharDevice { major: 1 << 12, minor: 3 }, 0o600);
        for (name, entry) in [("nobody", nobody), ("device", device)] {
            let tree = MemoryTree::new().put(name, entry, b"");
            let error = materialize(&tree, Path::new(name), dir.path()).unwrap_err();
            assert!(matches!(error, TreeError::BadEntry { .. }), "{error}");
        }
    }

    #[test]
    fn a_device_that_would_be_a_whiteout_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let tree = MemoryTree::new().put("x", with_mode(Kind::CharDevice { major: 0, minor: 0 }, 0o600), b"");
        let (_, skipped) = materialize(&tree, Path::new(""), dir.path()).unwrap();
        assert_eq!((skipped.count, skipped.examples[0].0.as_path()), (1, Path::new("x")));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
