//! Snapshots that stay after their process: those of containers, which are started again, looked at and committed.
//!
//! The mount points that a sandbox makes in a snapshot are part of its files, but no changes of a process: they are left
//! out of lists and layers as long as they are empty.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::DiffId;

use super::copied::Copied;
use super::home::Home;
use super::overlaid::Overlaid;
use super::{Driver, Snapshot, new_entry};
use crate::RootfsError;
use crate::change::Change;
use crate::error::failed;
use crate::layer::new_entry::NewEntry;
use crate::layers::Layers;
use trees::dir_tree::DirTree;
use trees::entry::Kind;
use trees::tree::Tree;

/// Change of a path, as `docker diff` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// Path relative to the root.
    pub path: PathBuf,
    /// How it differs from the layers.
    pub kind: PathChangeKind,
}

/// How a path differs from the layers below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathChangeKind {
    /// The layers do not have it.
    Added,
    /// The layers have it with other content or metadata.
    Changed,
    /// The layers have it, and it is gone.
    Deleted,
}

impl Layers {
    /// Opens the writable snapshot of `layers` that is kept in the directory `dir`, or makes it there. Nobody else may have
    /// it mounted.
    pub fn keep(&self, layers: &[DiffId], dir: &Path) -> Result<Snapshot, RootfsError> {
        let home = Home::Kept(dir.to_owned());
        let driver = if self.is_copying()? {
            Driver::Copied(Box::new(Copied::keep_in(self, layers, home)?))
        } else {
            Driver::Overlaid(Overlaid::prepare(self, layers, home)?)
        };
        Ok(Snapshot { layers: self.clone(), driver })
    }

    /// Lists the differences of a snapshot that is kept from the layers `below`, sorted by path. The snapshot can be in use.
    pub fn differences(
        &self,
        snapshot: &Snapshot,
        below: &[DiffId],
        stubs: &BTreeSet<PathBuf>,
    ) -> Result<Vec<PathChange>, RootfsError> {
        let view = self.view(below)?;
        let (_, changes) = snapshot.changes_so_far()?;
        let mut listed = Vec::new();
        for change in without_stubs(changes, stubs) {
            let is_known = view.lookup(&change.path).map_err(failed("look up", &change.path))?.is_some();
            let kind = match (&change.entry.kind, is_known) {
                (Kind::Whiteout, _) => PathChangeKind::Deleted,
                (_, true) => PathChangeKind::Changed,
                (_, false) => PathChangeKind::Added,
            };
            listed.push(PathChange { path: change.path, kind });
        }
        Ok(listed)
    }

    /// Makes the changes of a snapshot that is kept a layer. The snapshot goes on; for a consistent layer, its processes
    /// are paused meanwhile.
    pub fn commit_copy(&self, snapshot: &Snapshot, stubs: &BTreeSet<PathBuf>) -> Result<DiffId, RootfsError> {
        let (root, changes) = snapshot.changes_so_far()?;
        let tree: Arc<dyn Tree> = Arc::new(DirTree::new(root));
        let kept = without_stubs(changes, stubs).into_iter();
        let entries: Vec<NewEntry> = kept.map(|change| new_entry(&tree, change)).collect();
        self.commit_entries(entries)
    }
}

impl Snapshot {
    fn changes_so_far(&self) -> Result<(OwnedFd, Vec<Change>), RootfsError> {
        match &self.driver {
            Driver::Overlaid(overlaid) => overlaid.changes_so_far(&self.layers),
            Driver::Copied(copied) => copied.changes_so_far(),
        }
    }
}

/// Leaves out mount points that are still empty, and the directories that were changed by nothing else.
fn without_stubs(changes: Vec<Change>, stubs: &BTreeSet<PathBuf>) -> Vec<Change> {
    let is_stub = |change: &Change| {
        stubs.contains(&change.path)
            && match &change.entry.kind {
                Kind::File { size_bytes } => *size_bytes == 0,
                Kind::Directory { .. } => !has_below(&changes, &change.path, stubs),
                _ => false,
            }
    };
    let stub_paths: BTreeSet<PathBuf> =
        changes.iter().filter(|change| is_stub(change)).map(|change| change.path.clone()).collect();
    let parents: BTreeSet<&Path> = stub_paths.iter().filter_map(|path| path.parent()).collect();
    let is_shown = |change: &Change| {
        let is_parent = parents.contains(change.path.as_path())
            && matches!(change.entry.kind, Kind::Directory { opaque: false });
        let has_reason = !is_parent || has_below(&changes, &change.path, &stub_paths);
        has_reason && !stub_paths.contains(&change.path)
    };
    let shown: Vec<bool> = changes.iter().map(is_shown).collect();
    changes.into_iter().zip(shown).filter_map(|(change, shown)| shown.then_some(change)).collect()
}

/// Reports whether a path has changes below it other than `ignored`.
fn has_below(changes: &[Change], path: &Path, ignored: &BTreeSet<PathBuf>) -> bool {
    changes
        .iter()
        .any(|other| other.path != path && other.path.starts_with(path) && !ignored.contains(&other.path))
}
