//! A root file system that processes may change.
//!
//! ```text
//! in_place  the layers' tars, mounted as they are
//! image     the images that say how
//! trees     the layers' trees on disk, where that cannot be, or where a step left one
//! overlay   mounting them on top of each other
//! lowers    what they are and what they show, without mounting
//! stubs     taking away what a sandbox made for itself
//! changes   what is in the upper directory, as a layer has it
//! bind      mount sources: layers, folders of the host
//! ```
//!
//! A snapshot is a directory of this process with an upper and a work directory on top of layers. Committed, its upper
//! directory *becomes* the tree of the layer it was written as, so that the next step needs no extraction.
//!
//! Invariants: nothing is mounted where another process sees it; SIGKILL leaves a directory in `tmp/`, which the next
//! one removes. No path in an upper directory is opened through a link.

mod bind;
mod changes;
pub(crate) mod lowers;
mod stubs;

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cache::ScratchDir;
use oci::DiffId;
use rustix::fs::{Mode, OFlags};

pub use bind::{Bind, Keep, bind, bind_host, bind_host_all};

use crate::RootfsError;
use crate::content::Content;
use crate::create::{Creator, Place};
use crate::dir_tree::{DirTree, read_entry};
use crate::entry::{Entry, Kind};
use crate::error::failed;
use crate::layer::write::NewEntry;
use crate::layers::Layers;
use crate::path::to_bytes;
use crate::safe_path::DIRECTORY;
use crate::times::Clamp;
use crate::tree::Tree;
use crate::xattr::Flavor;

use crate::layers::tree::Home;
use crate::overlay::Overlay;
use changes::Change;
use lowers::{Ground, Lower, Lowers};

/// A mount point that a sandbox had to make for itself, and that must not stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    /// Relative to the root.
    pub path: PathBuf,
    /// Directory or empty file.
    pub is_dir: bool,
}

/// A writable layer on top of others; discarded when dropped.
pub struct Snapshot {
    layers: Layers,
    /// From the base up.
    lowers: Vec<Lower>,
    flavor: Flavor,
    scratch: ScratchDir,
    /// How often it was mounted.
    mounts: AtomicU32,
}

impl Snapshot {
    /// One on top of `grounds`, from the base up.
    pub(crate) fn new(layers: Layers, grounds: &[Ground]) -> Result<Self, RootfsError> {
        let scratch = layers.store().scratch()?;
        let lowers = grounds.iter().map(Ground::lower).collect();
        let snapshot = Self { layers, lowers, flavor: Flavor::current(), scratch, mounts: AtomicU32::new(0) };
        fs::create_dir(snapshot.upper()).map_err(failed("make", snapshot.upper()))?;
        snapshot.set_root(grounds)?;
        Ok(snapshot)
    }

    /// Mounts it with the new mount API; the mount is attached nowhere (`fsmount`), and goes when the descriptor does.
    /// One at a time.
    pub fn mount(&self) -> Result<OwnedFd, RootfsError> {
        self.mount_with(false)
    }

    /// The same for a step whose result is committed, or not wanted: what a process inside syncs is not, and neither
    /// is the whole file system when the mount goes. What it wrote may be lost in a power cut until then; a tree that
    /// was made before one is not believed after it ([`trees`]).
    pub fn mount_volatile(&self) -> Result<OwnedFd, RootfsError> {
        self.mount_with(true)
    }

    fn mount_with(&self, volatile: bool) -> Result<OwnedFd, RootfsError> {
        let (upper, work) = (self.upper(), self.work()?);
        let (lowers, scratch) = (&self.lowers, self.scratch.path());
        Overlay { lowers, upper: Some((&upper, &work)), volatile, scratch, flavor: self.flavor }.mount()
    }

    /// Makes the changes a layer: `stubs` that are still empty are removed first and their parents get their times
    /// back. No mount of it may be in use.
    pub fn commit(self, stubs: &[Stub]) -> Result<DiffId, RootfsError> {
        let upper = self.open_upper()?;
        let lowers = Lowers { all: &self.lowers, flavor: self.flavor };
        stubs::remove(&upper, stubs, &lowers)?;
        let changes = changes::gather(&upper, &lowers)?;
        let tree: Arc<dyn Tree> = Arc::new(DirTree::new(upper));
        let entries: Vec<NewEntry> = changes.into_iter().map(|change| new_entry(&tree, change)).collect();
        let layer = self.layers.commit_entries(entries)?;
        Home::new(self.layers.store(), &layer)?.adopt(&self.upper(), self.scratch.path())?;
        Ok(layer)
    }

    /// The root of an overlay is the upper directory, so that gets what the lower layers' root has.
    fn set_root(&self, grounds: &[Ground]) -> Result<(), RootfsError> {
        let entry = match lowers::root_of(grounds)? {
            Some(root) => {
                read_entry(&root, "".as_ref()).map_err(failed("look at", "/"))?.map(|(entry, _)| entry)
            }
            None => None,
        };
        let (upper, path) = (self.open_upper()?, self.upper());
        let place = Place { dir: std::os::fd::AsFd::as_fd(&upper), name: "".as_ref(), path: &path };
        Creator::new(self.flavor).finish_directory(place, &entry.unwrap_or_else(|| Entry::directory(0o755)))
    }

    fn open_upper(&self) -> Result<OwnedFd, RootfsError> {
        let path = self.upper();
        rustix::fs::open(&path, DIRECTORY | OFlags::RDONLY, Mode::empty()).map_err(failed("open", path))
    }

    fn upper(&self) -> PathBuf {
        self.scratch.path().join("upper")
    }

    /// A new work directory: that of a volatile mount cannot be used again.
    fn work(&self) -> Result<PathBuf, RootfsError> {
        let count = self.mounts.fetch_add(1, Ordering::Relaxed);
        let work = self.scratch.path().join(format!("work{count}"));
        fs::create_dir(&work).map_err(failed("make", &work))?;
        Ok(work)
    }
}

fn new_entry(tree: &Arc<dyn Tree>, change: Change) -> NewEntry {
    let content = match change.entry.kind {
        Kind::File { size_bytes } if size_bytes > 0 => {
            Some(Content::Tree { tree: Arc::clone(tree), path: change.path.clone(), digest: None })
        }
        _ => None,
    };
    NewEntry { path: to_bytes(&change.path).to_vec(), entry: change.entry, content, clamp: Clamp::STORE }
}

#[cfg(test)]
mod tests;
