//! The changes of a copy that a container keeps, found by comparing all of it with the layers that it was copied from.
//!
//! A file counts as unchanged if its entry is that of the layers, and its content too where its time is that of the layers.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};

use crate::RootfsError;
use crate::change::{Change, SharedInode, in_order};
use crate::error::failed;
use trees::dir_tree::{DirTree, read_entry};
use trees::entry::{Entry, Kind, Timestamp};
use trees::safe_path::{DIRECTORY, names, open_beneath};
use trees::tree::Tree;

/// Returns everything below the directory `root` that differs from `below`, in the order of the paths' components.
pub(super) fn changes(root: &OwnedFd, below: &dyn Tree) -> Result<Vec<Change>, RootfsError> {
    let copy = DirTree::new(root.try_clone().map_err(failed("open", ""))?);
    let mut comparison = Comparison { root, copy, below, found: Vec::new(), pending: vec![PathBuf::new()] };
    while let Some(path) = comparison.pending.pop() {
        comparison.directory(&path)?;
    }
    comparison.add_parents()?;
    Ok(in_order(comparison.found))
}

struct Comparison<'a> {
    root: &'a OwnedFd,
    copy: DirTree,
    below: &'a dyn Tree,
    found: Vec<(Change, SharedInode)>,
    /// Directories to look at.
    pending: Vec<PathBuf>,
}

impl Comparison<'_> {
    fn directory(&mut self, path: &Path) -> Result<(), RootfsError> {
        let dir = open_beneath(self.root, path, DIRECTORY | OFlags::RDONLY).map_err(failed("open", path))?;
        let mut present = BTreeSet::new();
        for name in names(dir.as_fd()).map_err(failed("read the directory", path))? {
            let path = path.join(&name);
            let Some((entry, stat)) = read_entry(&dir, &name).map_err(failed("look at", &path))? else {
                continue;
            };
            present.insert(name);
            let before = self.below.lookup(&path).map_err(failed("look up", &path))?;
            if entry.is_dir() {
                self.pending.push(path.clone());
            }
            if !self.is_same(&path, &entry, before.as_ref())? {
                let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
                let shared = (is_file && stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino));
                self.found.push((Change { path, entry: hiding(entry, before) }, shared));
            }
        }
        self.add_whiteouts(path, &present)
    }

    /// Adds a whiteout for each name that the layers have in a directory and the copy lacks.
    fn add_whiteouts(
        &mut self,
        path: &Path,
        present: &BTreeSet<std::ffi::OsString>,
    ) -> Result<(), RootfsError> {
        let before = self.below.lookup(path).map_err(failed("look up", path))?;
        if !before.is_some_and(|before| before.is_dir()) {
            return Ok(());
        }
        for child in self.below.children(path).map_err(failed("read the directory", path))? {
            if !present.contains(&child.name) {
                let entry = Entry { kind: Kind::Whiteout, ..Entry::directory(0) };
                self.found.push((Change { path: path.join(&child.name), entry }, None));
            }
        }
        Ok(())
    }

    fn is_same(&self, path: &Path, entry: &Entry, before: Option<&Entry>) -> Result<bool, RootfsError> {
        let Some(before) = before else { return Ok(false) };
        if entry.is_dir() {
            // The time of a directory changes with its names, which are listed by themselves.
            let timeless = |entry: &Entry| Entry { mtime: Timestamp::default(), ..entry.clone() };
            return Ok(timeless(entry) == timeless(before));
        }
        if entry != before || !matches!(entry.kind, Kind::File { .. }) {
            return Ok(entry == before);
        }
        let content = |tree: &dyn Tree| tree.content(path).map_err(failed("read", path));
        Ok(content(&self.copy)? == content(self.below)?)
    }

    /// Adds the directories that lead to changes, with their metadata.
    fn add_parents(&mut self) -> Result<(), RootfsError> {
        let known: BTreeSet<PathBuf> = self.found.iter().map(|(change, _)| change.path.clone()).collect();
        let parents: BTreeSet<PathBuf> = known
            .iter()
            .flat_map(|path| path.ancestors().skip(1))
            .filter(|path| !path.as_os_str().is_empty() && !known.contains(*path))
            .map(Path::to_owned)
            .collect();
        for path in parents {
            if let Some(entry) = self.copy.lookup(&path).map_err(failed("look at", &path))? {
                self.found.push((Change { path, entry }, None));
            }
        }
        Ok(())
    }
}

/// Marks a directory that replaces something else as opaque.
fn hiding(mut entry: Entry, before: Option<Entry>) -> Entry {
    if let Kind::Directory { opaque } = &mut entry.kind {
        *opaque = before.is_some_and(|before| !before.is_dir());
    }
    entry
}
