//! The tree of a layer on disk: made when a process first runs on top of the layer, or left by the step that made it.
//!
//! ```text
//! layers/<diff id>/
//! ├── tree/          in the form of an overlayfs lower layer; immutable once it has this name
//! ├── tree.stamp     facts about the tree; without a stamp that fits, the tree is not trusted
//! └── tree.lock      held while the tree is made
//! ```
//!
//! A tree is derived from the layer's tar, so it is never synced for its own sake. Until the file system has been
//! synced for another reason, a stamp is valid for the boot in which the tree was made only, because a power cut can
//! leave a tree with holes. Such a tree is dropped and made again. The same goes for a tree made for another user
//! namespace, where overlayfs uses other attributes.
//!
//! Concurrency: one process at a time makes a tree. No process drops a tree that another can be using: the events
//! that invalidate a stamp (a reboot, another kind of user namespace) have ended all its users.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cache::{Store, boot_id};
use oci::DiffId;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::RootfsError;
use crate::error::failed;
use trees::create::Skipped;
use trees::xattr::Flavor;

/// Age from which the kernel has written a tree to disk anyway (`dirty_expire_centisecs` and a margin), so that
/// syncing it costs little.
const SYNC_AGE: Duration = Duration::from_secs(120);

/// Facts about a tree on disk, saved beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TreeStamp {
    /// Inode number of the tree's root directory: the stamp describes this tree and no other.
    inode: u64,
    /// Boot in which the tree was made.
    boot: String,
    /// Whether the tree is on disk for certain.
    synced: bool,
    /// Attributes of overlayfs that the tree was made with.
    flavor: Flavor,
    /// Whether the layer describes the root directory. If not, lower layers do.
    pub has_root: bool,
    /// Entries that could not be made.
    pub skipped: Skipped,
}

/// Tree of a layer in the store; it need not exist yet.
#[derive(Debug, Clone)]
pub(crate) struct LayerTree {
    store: Arc<Store>,
    layer: DiffId,
    layer_dir: PathBuf,
    /// Name of the directory; the stamp and the lock have names that begin with it.
    name: &'static str,
    flavor: Flavor,
}

impl LayerTree {
    /// Returns the tree of `layer`, for the user namespace of this process.
    pub(super) fn new(store: &Arc<Store>, layer: &DiffId) -> Result<Self, RootfsError> {
        let layer_dir = store.layer_dir(layer)?;
        let (store, layer, flavor) = (Arc::clone(store), *layer, Flavor::current());
        Ok(Self { store, layer, layer_dir, name: "tree", flavor })
    }

    /// Returns the tree with the times of the layer's tar ([`super::finished`]).
    pub(super) fn finished(store: &Arc<Store>, layer: &DiffId) -> Result<Self, RootfsError> {
        Ok(Self { name: "finished-tree", ..Self::new(store, layer)? })
    }

    /// Returns the directory that is the tree, or that will be.
    pub(super) fn path(&self) -> PathBuf {
        self.layer_dir.join(self.name)
    }

    /// Returns the stamp if the tree exists and can be trusted.
    pub(super) fn stamp(&self) -> Option<TreeStamp> {
        let stamp = self.store.read_checked(&self.layer, &self.stamp_name())?;
        let stamp: TreeStamp = serde_json::from_slice(&stamp).ok()?;
        let inode = fs::symlink_metadata(self.path()).ok()?.ino();
        let trusted = stamp.synced || stamp.boot == boot_id();
        (trusted && stamp.inode == inode && stamp.flavor == self.flavor).then_some(stamp)
    }

    /// Makes the tree unless it exists. `make` fills an empty directory; it returns whether the layer describes the
    /// root directory, and the entries that it skipped.
    pub(super) fn ensure(
        &self,
        make: impl FnOnce(&Path, Flavor) -> Result<(bool, Skipped), RootfsError>,
    ) -> Result<TreeStamp, RootfsError> {
        if let Some(stamp) = self.stamp() {
            return Ok(stamp);
        }
        let _lock = self.lock()?;
        if let Some(stamp) = self.stamp() {
            return Ok(stamp);
        }
        let scratch = self.store.scratch()?;
        let fresh = scratch.path().join("tree");
        fs::create_dir(&fresh).map_err(failed("make", &fresh))?;
        let (has_root, skipped) = make(&fresh, self.flavor)?;
        self.publish(&fresh, scratch.path(), has_root, skipped)
    }

    /// Makes the finished directory `fresh` the tree, unless there is one already. `aside` is a directory that takes
    /// a tree that is no longer trusted, `skipped` is what the tree lacks.
    pub(super) fn adopt(
        &self,
        fresh: &Path,
        aside: &Path,
        skipped: Skipped,
    ) -> Result<TreeStamp, RootfsError> {
        let _lock = self.lock()?;
        match self.stamp() {
            Some(stamp) => Ok(stamp),
            None => self.publish(fresh, aside, false, skipped),
        }
    }

    /// Gives the tree its name and its stamp. The caller holds the lock, and there is no tree that can be trusted.
    fn publish(
        &self,
        fresh: &Path,
        aside: &Path,
        has_root: bool,
        skipped: Skipped,
    ) -> Result<TreeStamp, RootfsError> {
        // The stamp is removed first and written last, so that no stamp is ever beside an incomplete tree.
        ignore_missing(fs::remove_file(self.stamp_path())).map_err(failed("remove", self.stamp_path()))?;
        let rename = |from: &Path, to: &Path| rustix::fs::rename(from, to).map_err(io::Error::from);
        ignore_missing(rename(&self.path(), &aside.join("stale"))).map_err(failed("drop", self.path()))?;
        rename(fresh, &self.path()).map_err(failed("rename a tree to", self.path()))?;
        let inode = fs::symlink_metadata(self.path()).map_err(failed("stat", self.path()))?.ino();
        let boot = boot_id().to_owned();
        let stamp = TreeStamp { inode, boot, synced: false, flavor: self.flavor, has_root, skipped };
        self.save(&stamp)?;
        Ok(stamp)
    }

    /// Syncs the file system in another thread if one of `trees` is old enough for that to be cheap, and notes in the
    /// stamps that the trees are on disk. If this fails, the trees are made again after the next boot.
    pub(super) fn sync_if_old(store: &Arc<Store>, trees: Vec<(&Self, &TreeStamp)>) {
        let unsynced = || trees.iter().filter(|(_, stamp)| !stamp.synced);
        if !unsynced().any(|(tree, _)| tree.age() >= SYNC_AGE) {
            return;
        }
        let unsynced: Vec<(Self, TreeStamp)> =
            unsynced().map(|&(tree, stamp)| (tree.clone(), stamp.clone())).collect();
        let store = Arc::clone(store);
        let sync = move || {
            if sync_file_system(store.root()).is_ok() {
                // A stamp that cannot be written only means that its tree is made again.
                let _ = unsynced.iter().try_for_each(|(tree, stamp)| tree.mark_synced(stamp));
            }
        };
        // Without a thread, the sync waits for the next process.
        let _ = std::thread::Builder::new().name("sync trees".to_owned()).spawn(sync);
    }

    /// Notes that the tree is on disk, if it is still the tree that `stamp` describes.
    fn mark_synced(&self, stamp: &TreeStamp) -> Result<(), RootfsError> {
        let _lock = self.lock()?;
        match self.stamp() {
            Some(current) if current == *stamp => self.save(&TreeStamp { synced: true, ..current }),
            _ => Ok(()),
        }
    }

    /// Returns the time since the stamp was written; 0 if it is unknown.
    fn age(&self) -> Duration {
        let written = fs::metadata(self.stamp_path()).and_then(|metadata| metadata.modified());
        written.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default()
    }

    fn save(&self, stamp: &TreeStamp) -> Result<(), RootfsError> {
        let bytes = serde_json::to_vec(stamp).expect("a stamp is plain data");
        Ok(self.store.save_checked(&self.layer, &self.stamp_name(), &bytes)?)
    }

    fn stamp_path(&self) -> PathBuf {
        self.layer_dir.join(self.stamp_name())
    }

    /// Returns the name of the stamp among the files derived from the layer. Its checksum binds it to the layer.
    pub(super) fn stamp_name(&self) -> String {
        format!("{}.stamp", self.name)
    }

    /// Waits until no other process makes the tree.
    fn lock(&self) -> Result<File, RootfsError> {
        Ok(self.store.lock_derived(&self.layer, &format!("{}.lock", self.name))?)
    }
}

fn sync_file_system(path: &Path) -> rustix::io::Result<()> {
    rustix::fs::syncfs(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
