//! A root file system that processes can change.
//!
//! ```text
//! changes        the content of an upper directory, as a layer describes it
//! lowers         the directories that lower layers show, without mounting them
//! owners         owners that the user namespace lacks
//! copies         the same for copies that a process made
//! mount_points   removal of the mount points that a sandbox made for itself
//! bind           mount sources: parts of layers, and files of the host
//! ```
//!
//! A snapshot is a scratch directory of this process with an upper and a work directory, on top of layers. A commit
//! makes the upper directory *itself* the tree of the new layer, so that the next step needs no extraction.
//!
//! Invariants: nothing is mounted where another process can see it. SIGKILL leaves a directory in `tmp/` of the
//! store, which the next process removes. No path in an upper directory is opened through a symlink.

mod bind;
mod changes;
mod copies;
mod lowers;
mod mount_points;
mod owners;
#[cfg(test)]
mod tests;

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use cache::ScratchDir;
use oci::DiffId;
use rustix::fs::{Mode, OFlags};

use self::changes::Change;
use self::lowers::Lowers;
use crate::RootfsError;
use crate::content::Content;
use crate::create::{Creator, Location, Skipped};
use crate::dir_tree::{DirTree, read_entry};
use crate::entry::Entry;
use crate::error::failed;
use crate::layer::new_entry::NewEntry;
use crate::layers::Layers;
use crate::layers::lower_layers::LowerLayer;
pub use crate::overlay::MAX_LAYERS;
use crate::overlay::{Lower, Overlay};
use crate::path::to_bytes;
use crate::safe_path::DIRECTORY;
use crate::times::Clamp;
use crate::tree::Tree;
use crate::xattr::Flavor;

pub use self::bind::{Bind, Keep, bind, bind_host, bind_host_all};
pub use self::mount_points::Stub;

/// Writable layer on top of others; discarded when dropped.
pub struct Snapshot {
    layers: Layers,
    /// Lower layers from the base up.
    lowers: Vec<Lower>,
    /// The merged lower layers, if their trees lack something that a layer says, such as an owner; else `None`.
    complete_view: Option<Arc<dyn Tree>>,
    flavor: Flavor,
    scratch: ScratchDir,
    /// Time at which it was made, by the clock of the file system; processes use it later.
    made: SystemTime,
    /// Number of times that it has been mounted.
    mounts: AtomicU32,
}

impl Layers {
    /// Makes a writable snapshot on top of `layers`, from the base up.
    pub fn prepare(&self, layers: &[DiffId]) -> Result<Snapshot, RootfsError> {
        let lower_layers = self.lower_layers(layers)?;
        let is_incomplete = lower_layers.iter().any(LowerLayer::is_incomplete);
        let complete_view = is_incomplete.then(|| self.view(layers)).transpose()?;
        Snapshot::new(self.clone(), &lower_layers, complete_view)
    }
}

impl Snapshot {
    fn new(
        layers: Layers,
        lower_layers: &[LowerLayer],
        complete_view: Option<Arc<dyn Tree>>,
    ) -> Result<Self, RootfsError> {
        let scratch = layers.store().scratch()?;
        let lowers = lower_layers.iter().map(LowerLayer::lower).collect();
        let upper = upper_in(&scratch);
        fs::create_dir(&upper).map_err(failed("make", &upper))?;
        let made = scratch.path().metadata().and_then(|metadata| metadata.modified());
        let made = made.map_err(failed("stat", scratch.path()))?;
        let (flavor, mounts) = (Flavor::current(), AtomicU32::new(0));
        let snapshot = Self { layers, lowers, complete_view, flavor, scratch, made, mounts };
        snapshot.set_root(lower_layers)?;
        Ok(snapshot)
    }

    /// Mounts the snapshot. The mount is attached nowhere, and goes away with its descriptor. A snapshot can be
    /// mounted again, but not twice at a time.
    pub fn mount(&self) -> Result<OwnedFd, RootfsError> {
        self.mount_with(false)
    }

    /// Mounts the snapshot for a step whose result is committed or discarded: syncs of a process inside have no
    /// effect, and unmounting does not sync the file system.
    ///
    /// A power cut can lose what the process wrote, so a tree made before a reboot is not trusted after it (see
    /// `layers::tree`).
    pub fn mount_volatile(&self) -> Result<OwnedFd, RootfsError> {
        self.mount_with(true)
    }

    fn mount_with(&self, volatile: bool) -> Result<OwnedFd, RootfsError> {
        let (upper, work) = (self.upper(), self.make_work_dir()?);
        let (lowers, scratch) = (&self.lowers, self.scratch.path());
        Overlay { lowers, upper: Some((&upper, &work)), volatile, scratch, flavor: self.flavor }.mount()
    }

    /// Makes the changes a layer. Mount points in `stubs` that are still empty are removed first, and their parents
    /// get their times back. No mount of the snapshot may be in use.
    pub fn commit(self, stubs: &[Stub]) -> Result<DiffId, RootfsError> {
        let upper = self.open_upper()?;
        let lowers = Lowers { all: &self.lowers, flavor: self.flavor };
        mount_points::remove(&upper, stubs, &lowers)?;
        let mut changes = changes::collect(&upper, &lowers)?;
        let skipped = match &self.complete_view {
            Some(view) => owners::restore(&mut changes, &upper, view, self.made)?,
            None => 0,
        };
        let tree: Arc<dyn Tree> = Arc::new(DirTree::new(upper));
        let entries: Vec<NewEntry> = changes.into_iter().map(|change| new_entry(&tree, change)).collect();
        let layer = self.layers.commit_entries(entries)?;
        self.layers.adopt_tree(&layer, &self.upper(), self.scratch.path(), Skipped::owners(skipped))?;
        Ok(layer)
    }

    /// Gives the upper directory the metadata of the merged root directory: it is the root of the overlay.
    fn set_root(&self, lower_layers: &[LowerLayer]) -> Result<(), RootfsError> {
        let top = lower_layers.iter().rev().find(|layer| layer.has_root());
        let entry = match top.map(|layer| layer.lower().open()).transpose()? {
            Some(root) => {
                read_entry(&root, "".as_ref()).map_err(failed("look at", "/"))?.map(|(entry, _)| entry)
            }
            None => None,
        };
        let (upper, path) = (self.open_upper()?, self.upper());
        let place = Location { dir: upper.as_fd(), name: "".as_ref(), path: &path };
        Creator::new(self.flavor).finish_directory(place, &entry.unwrap_or_else(|| Entry::directory(0o755)))
    }

    fn open_upper(&self) -> Result<OwnedFd, RootfsError> {
        let path = self.upper();
        rustix::fs::open(&path, DIRECTORY | OFlags::RDONLY, Mode::empty()).map_err(failed("open", path))
    }

    fn upper(&self) -> PathBuf {
        upper_in(&self.scratch)
    }

    /// Makes a new work directory: overlayfs refuses to use that of a volatile mount again.
    fn make_work_dir(&self) -> Result<PathBuf, RootfsError> {
        let count = self.mounts.fetch_add(1, Ordering::Relaxed);
        let work = self.scratch.path().join(format!("work{count}"));
        fs::create_dir(&work).map_err(failed("make", &work))?;
        Ok(work)
    }
}

fn upper_in(scratch: &ScratchDir) -> PathBuf {
    scratch.path().join("upper")
}

fn new_entry(tree: &Arc<dyn Tree>, change: Change) -> NewEntry {
    let Change { path, entry } = change;
    NewEntry::new(to_bytes(&path), entry, || Content::of_tree(tree, &path, None), Clamp::STORE)
}
