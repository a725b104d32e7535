//! The copying driver, for a store on a file system that cannot hold an overlay: the root file system of every container, for
//! example.
//!
//! A process works on a copy of the merged layers, and its changes are found by comparison ([`crate::copy`]). The copy is
//! kept for the next step, which has the new layer on top of the same layers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use cache::ScratchDir;
use oci::DiffId;
use rustix::fs::{Mode, OFlags, Timestamps};

use super::copies::is_before;
use super::home::Home;
use super::{Stub, mount_points, new_entry, owners, untouched, whole_copy};
use crate::RootfsError;
use crate::change::Change;
use crate::copy::{self, Baseline, KeptCopy, Touched};
use crate::error::failed;
use crate::layer::new_entry::NewEntry;
use crate::layers::Layers;
use trees::clone_mount::clone_mount;
use trees::dir_tree::DirTree;
use trees::entry::Kind;
use trees::safe_path::{DIRECTORY, open_store_dir};
use trees::tree::Tree;

/// Copy of some layers that a process can change; discarded when dropped.
pub(super) struct Copied {
    /// Layers from the base up.
    ids: Vec<DiffId>,
    /// The merged layers that the copy shows at first.
    view: Arc<dyn Tree>,
    /// Directory whose subdirectory is the copy.
    home: Home,
    /// Whether the copy lacks something that a layer says, such as an owner.
    is_incomplete: bool,
    /// Time at which it was complete, by the clock of the file system; processes use it later.
    made: SystemTime,
    baseline: Baseline,
}

impl Copied {
    /// Copies the layers `ids`, from the base up, or takes over a copy of some of them.
    pub(super) fn prepare(layers: &Layers, ids: &[DiffId]) -> Result<Self, RootfsError> {
        let view = layers.process_view(ids)?;
        let (scratch, is_incomplete) = match layers.copying().kept.take(ids) {
            Some(kept) => {
                let touched = layers.touched(&ids[kept.layers.len()..])?;
                let is_incomplete = update(layers, &kept.scratch, &*view, touched)?;
                (kept.scratch, is_incomplete || kept.is_incomplete)
            }
            None => new_copy(layers, &*view)?,
        };
        let made = now(layers)?;
        let home = Home::Scratch(scratch);
        let baseline = Baseline::of(&open(home.path())?)?;
        Ok(Self { ids: ids.to_vec(), view, home, is_incomplete, made, baseline })
    }

    /// Copies the layers `ids` into a directory that is kept, or opens the copy that is there.
    pub(super) fn keep_in(layers: &Layers, ids: &[DiffId], home: Home) -> Result<Self, RootfsError> {
        let view = layers.process_view(ids)?;
        let (is_new, made) = home.begin(ROOT)?;
        if is_new {
            copy::fill(&*view, &home.path().join(ROOT))?;
            home.complete()?;
        }
        // A copy that is kept is compared with its layers as a whole: nobody knows what its files were at first.
        let (is_incomplete, baseline) = (true, Baseline::default());
        Ok(Self { ids: ids.to_vec(), view, home, is_incomplete, made, baseline })
    }

    /// Returns the changes so far. The copy stays as it is.
    pub(super) fn changes_so_far(&self) -> Result<(OwnedFd, Vec<Change>), RootfsError> {
        let root = open(self.home.path())?;
        let mut changes = whole_copy::changes(&root, &*self.view)?;
        owners::restore(&mut changes, &root, &self.view, self.made)?;
        Ok((root, changes))
    }

    /// Returns the copy as a mount, attached nowhere.
    pub(super) fn mount(&self) -> Result<OwnedFd, RootfsError> {
        let path = self.home.path().join(ROOT);
        Ok(clone_mount(&open_store_dir(&path)?, &path)?)
    }

    /// Makes the changes a layer, without the mount points `stubs`.
    pub(super) fn commit(self, layers: &Layers, stubs: &[Stub]) -> Result<DiffId, RootfsError> {
        let root = open(self.home.path())?;
        let parents = mount_points::unlink(&root, stubs)?;
        let times: BTreeMap<PathBuf, Timestamps> =
            parents.iter().map(|(path, stat)| (path.clone(), mount_points::times(stat))).collect();
        let mut unchanged = copy::restore_times(&root, &self.baseline, &*self.view, &times)?;
        let mut changes = copy::changes(&root, &self.baseline, &unchanged)?;
        let untouched = self.untouched(&root, &changes)?;
        if !untouched.is_empty() {
            unchanged.extend(untouched);
            changes = copy::changes(&root, &self.baseline, &unchanged)?;
        }
        if self.is_incomplete {
            owners::restore(&mut changes, &root, &self.view, self.made)?;
        }
        let links = changes.iter().filter(|change| matches!(change.entry.kind, Kind::Hardlink { .. }));
        let links: BTreeSet<PathBuf> = links.map(|change| change.path.clone()).collect();
        let layer = layers.commit_entries(entries(root, changes))?;
        self.keep(layers, layer, links)?;
        Ok(layer)
    }

    /// Returns the files among the changes that equal those of the layers, such as after `chmod` to the mode that they have.
    fn untouched(&self, root: &OwnedFd, changes: &[Change]) -> Result<BTreeSet<PathBuf>, RootfsError> {
        let linked: BTreeSet<&Path> = changes.iter().filter_map(Change::first_name).collect();
        let is_suspect = |change: &&Change| {
            is_before(change.entry.mtime, self.made) && !linked.contains(change.path.as_path())
        };
        let suspects = changes.iter().filter(is_suspect).map(|change| change.path.clone()).collect();
        untouched::find(changes, &suspects, root, &*self.view)
    }

    /// Keeps the copy for a step on top of `layer`. `links` are the names that share a file with another name.
    fn keep(self, layers: &Layers, layer: DiffId, links: BTreeSet<PathBuf>) -> Result<(), RootfsError> {
        let ids = [&self.ids[..], &[layer]].concat();
        // The root directory gets its metadata back, which a layer does not have.
        let again = links.into_iter().chain([PathBuf::new()]);
        let touched = again.map(|path| Touched { path, hides: false }).collect();
        let Home::Scratch(scratch) = self.home else { return Ok(()) };
        let is_incomplete = update(layers, &scratch, &*layers.process_view(&ids)?, touched)?;
        let is_incomplete = is_incomplete || self.is_incomplete;
        layers.copying().kept.put(KeptCopy { layers: ids, scratch, is_incomplete });
        Ok(())
    }
}

/// Returns the time by the clock of the store's file system: that of a new directory.
fn now(layers: &Layers) -> Result<SystemTime, RootfsError> {
    let fresh = layers.store().scratch()?;
    let time = fresh.path().metadata().and_then(|metadata| metadata.modified());
    time.map_err(failed("stat", fresh.path()))
}

fn new_copy(layers: &Layers, view: &dyn Tree) -> Result<(ScratchDir, bool), RootfsError> {
    let scratch = layers.store().scratch()?;
    let dest = scratch.path().join(ROOT);
    fs::create_dir(&dest).map_err(failed("make", &dest))?;
    let skipped = copy::fill(view, &dest)?;
    Ok((scratch, skipped.count > 0))
}

/// Makes a copy show `view`. Returns whether it lacks something that the layers say.
fn update(
    layers: &Layers,
    copy: &ScratchDir,
    view: &dyn Tree,
    touched: Vec<Touched>,
) -> Result<bool, RootfsError> {
    let aside = layers.store().scratch()?;
    Ok(copy::update(open(copy.path())?, aside.path(), view, touched)?.count > 0)
}

fn entries(root: OwnedFd, changes: Vec<Change>) -> Vec<NewEntry> {
    let tree: Arc<dyn Tree> = Arc::new(DirTree::new(root));
    changes.into_iter().map(|change| new_entry(&tree, change)).collect()
}

fn open(home: &Path) -> Result<OwnedFd, RootfsError> {
    let path = home.join(ROOT);
    rustix::fs::open(&path, DIRECTORY | OFlags::RDONLY, Mode::empty()).map_err(failed("open", path))
}

/// Name of the copy in its directory.
const ROOT: &str = "root";
