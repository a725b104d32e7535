//! A root file system that processes can change.
//!
//! ```text
//! overlaid       the overlay driver: an upper directory on top of lower layers
//! copied         the copying driver, for file systems that cannot hold an overlay
//! home           the directory of a snapshot: of this process, or kept by a container
//! kept           snapshots that stay: changes and layers of one that goes on
//! whole_copy     the changes of a copy that is kept
//! changes        the content of an upper directory, as a layer describes it
//! lowers         the directories that lower layers show, without mounting them
//! owners         owners that the user namespace lacks
//! copies         the same for copies that a process made
//! untouched      files that a process opened for writing, and did not change
//! mount_points   removal of the mount points that a sandbox made for itself
//! bind           mount sources: parts of layers, and files of the host
//! ```
//!
//! Invariants: both drivers leave the same layer for the same changes. Nothing is mounted where another process can see
//! it. SIGKILL leaves a directory in `tmp/` of the store, which the next process removes. No path in a directory that a
//! process has changed is opened through a symlink.

mod bind;
mod changes;
mod copied;
mod copies;
mod home;
mod kept;
mod lowers;
mod mount_points;
mod overlaid;
mod owners;
#[cfg(test)]
mod tests;
mod untouched;
mod whole_copy;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use oci::DiffId;

use self::copied::Copied;
use self::home::Home;
use self::overlaid::Overlaid;
use crate::RootfsError;
use crate::change::Change;
use crate::content::Content;
use crate::layer::new_entry::NewEntry;
use crate::layers::Layers;
pub use crate::overlay::MAX_LAYERS;
use crate::times::Clamp;
use trees::path::to_bytes;
use trees::tree::Tree;

pub use self::bind::{Bind, Keep, bind, bind_host, bind_host_all};
pub use self::kept::{PathChange, PathChangeKind};
pub use self::mount_points::Stub;

/// Writable layer on top of others; discarded when dropped, unless it is kept ([`Layers::keep`]).
pub struct Snapshot {
    layers: Layers,
    driver: Driver,
}

/// Method by which a snapshot is writable.
enum Driver {
    Overlaid(Overlaid),
    Copied(Box<Copied>),
}

impl Layers {
    /// Makes a writable snapshot on top of `layers`, from the base up.
    pub fn prepare(&self, layers: &[DiffId]) -> Result<Snapshot, RootfsError> {
        let driver = if self.is_copying()? {
            Driver::Copied(Box::new(Copied::prepare(self, layers)?))
        } else {
            Driver::Overlaid(Overlaid::prepare(self, layers, Home::Scratch(self.store().scratch()?))?)
        };
        Ok(Snapshot { layers: self.clone(), driver })
    }
}

impl Snapshot {
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
        match &self.driver {
            Driver::Overlaid(overlaid) => overlaid.mount(volatile),
            Driver::Copied(copied) => copied.mount(),
        }
    }

    /// Makes the changes a layer. Mount points in `stubs` that are still empty are removed first, and their parents
    /// get their times back. No mount of the snapshot may be in use.
    pub fn commit(self, stubs: &[Stub]) -> Result<DiffId, RootfsError> {
        match self.driver {
            Driver::Overlaid(overlaid) => overlaid.commit(&self.layers, stubs),
            Driver::Copied(copied) => copied.commit(&self.layers, stubs),
        }
    }
}

fn new_entry(tree: &Arc<dyn Tree>, change: Change) -> NewEntry {
    let Change { path, entry } = change;
    NewEntry::new(to_bytes(&path), entry, || Content::of_tree(tree, &path, None), Clamp::STORE)
}
