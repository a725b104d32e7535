//! Writing a merged tree to a directory, each name as a file of its own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use cache::ContentDigest;
use rustix::fs::{CWD, OFlags};
use rustix::io::Errno;

use crate::RootfsError;
use crate::error::failed;
use trees::create::{Location, Skipped};
use trees::dir_tree::read_entry;
use trees::entry::Entry;
use trees::materialize::{Materializer, materialize};
use trees::safe_path::{DIRECTORY, is_absent, open_beneath};
use trees::sparse::SparseRead;
use trees::tree::{Child, Tree};

/// Tree in which no two names belong to one file.
struct Unlinked<'a>(&'a dyn Tree);

impl Tree for Unlinked<'_> {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        self.0.lookup(path)
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        self.0.children(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.0.open(path)
    }

    fn open_sparse(&self, path: &Path) -> io::Result<Box<dyn SparseRead>> {
        self.0.open_sparse(path)
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        self.0.content(path)
    }
}

/// Writes `tree` into the empty directory `dest`. Returns the entries that could not be made.
pub(crate) fn fill(tree: &dyn Tree, dest: &Path) -> Result<Skipped, RootfsError> {
    Ok(materialize(&Unlinked(tree), Path::new(""), dest)?.1)
}

/// Path that a layer describes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Touched {
    /// Path relative to the root.
    pub path: PathBuf,
    /// Whether the layer hides everything that lower layers have at the path and below it.
    pub hides: bool,
}

/// Makes the directory `root`, which shows the layers below, show `tree`, the merged tree with more layers on top. Those
/// layers describe the paths `touched`. Entries that have to go are moved to the directory `aside`. Returns the entries that
/// could not be made.
pub(crate) fn update(
    root: OwnedFd,
    aside: &Path,
    tree: &dyn Tree,
    mut touched: Vec<Touched>,
) -> Result<Skipped, RootfsError> {
    touched.sort_unstable();
    let tree = Unlinked(tree);
    let materializer = Materializer::new(&tree, root);
    let mut updater = Updater { materializer, aside, moved: 0, filled: None, directories: BTreeMap::new() };
    touched.iter().try_for_each(|touched| updater.update(touched))?;
    updater.finish()
}

struct Updater<'a> {
    materializer: Materializer<'a>,
    aside: &'a Path,
    /// Number of entries that were moved away; part of their names there.
    moved: u64,
    /// Directory that was written last, with everything in it.
    filled: Option<PathBuf>,
    /// Directories whose metadata is to be set, by path.
    directories: BTreeMap<PathBuf, Entry>,
}

impl Updater<'_> {
    fn update(&mut self, touched: &Touched) -> Result<(), RootfsError> {
        let path = &touched.path;
        if self.filled.as_ref().is_some_and(|filled| path.starts_with(filled)) {
            return Ok(());
        }
        let entry = self.lookup(path)?;
        let Some(parent) = path.parent() else {
            self.directories.extend(entry.map(|entry| (path.clone(), entry)));
            return Ok(());
        };
        let Some(dir) = self.open(parent)? else { return Ok(()) };
        let name = path.file_name().unwrap_or_default();
        let is_kept =
            !touched.hides && entry.as_ref().is_some_and(Entry::is_dir) && is_dir(&dir, name, path)?;
        if !is_kept {
            self.move_aside(&dir, name, path)?;
        }
        self.directories.extend(self.lookup(parent)?.map(|entry| (parent.to_owned(), entry)));
        let Some(entry) = entry else { return Ok(()) };
        let at = Location { dir: dir.as_fd(), name, path };
        if is_kept {
            self.directories.insert(path.clone(), entry);
        } else if entry.is_dir() {
            self.materializer.creator.begin_directory(at)?;
            self.directories.extend(self.materializer.fill(Path::new(""), path.clone(), entry)?);
            self.filled = Some(path.clone());
        } else {
            self.materializer.entry(at, path, &entry)?;
        }
        Ok(())
    }

    /// Sets the metadata of directories, from the bottom up.
    fn finish(self) -> Result<Skipped, RootfsError> {
        for (path, entry) in self.directories.iter().rev() {
            if self.open(path)?.is_some() {
                self.materializer.finish(path, entry)?;
            }
        }
        Ok(self.materializer.creator.into_skipped())
    }

    fn move_aside(&mut self, dir: &OwnedFd, name: &OsStr, path: &Path) -> Result<(), RootfsError> {
        let to = self.aside.join(format!("old{}", self.moved));
        self.moved += 1;
        match rustix::fs::renameat(dir, name, CWD, &to) {
            Err(Errno::NOENT) => Ok(()),
            moved => moved.map_err(failed("replace", path)),
        }
    }

    fn lookup(&self, path: &Path) -> Result<Option<Entry>, RootfsError> {
        self.materializer.tree.lookup(path).map_err(failed("look up", path))
    }

    /// Opens a directory; returns `None` if the tree has none there any more.
    fn open(&self, path: &Path) -> Result<Option<OwnedFd>, RootfsError> {
        match open_beneath(&self.materializer.root, path, DIRECTORY | OFlags::RDONLY) {
            Err(error) if is_absent(error) => Ok(None),
            opened => opened.map(Some).map_err(failed("open", path)),
        }
    }
}

fn is_dir(dir: &OwnedFd, name: &OsStr, path: &Path) -> Result<bool, RootfsError> {
    match read_entry(dir, name) {
        Err(error) if is_absent(error) => Ok(false),
        found => Ok(found.map_err(failed("look at", path))?.is_some_and(|(entry, _)| entry.is_dir())),
    }
}
