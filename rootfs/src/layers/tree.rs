//! The trees of layers on disk: made when a process first runs on top of them, trusted or dropped after that.
//!
//! ```text
//! layers/<diff id>/
//! ├── tree/          as overlayfs wants a lower layer; immutable once it has this name
//! ├── tree.stamp     what is known of it: without one that fits, the tree is not believed
//! └── tree.lock      held while it is made
//! ```
//!
//! A tree is derived from the layer's tar, so it is never synced for its own sake. Until it has been for some other
//! reason, its stamp is only good for the boot in which it was made: what a power cut left of it may be full of holes. It
//! is then dropped and made again. A tree made for another user namespace, where overlayfs has other attributes, is too.
//!
//! Concurrency: one process makes a tree at a time. Nobody drops a tree that another may be using: what makes a stamp
//! unfit (a reboot, another kind of user namespace) has ended all who used it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache::Store;
use oci::DiffId;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::RootfsError;
use crate::create::Skipped;
use crate::error::failed;
use crate::xattr::Flavor;

/// After this time the kernel has written a tree to disk anyway (`dirty_expire_centisecs` and some more), so that
/// syncing it costs little.
const SETTLED: Duration = Duration::from_secs(120);

/// What is known of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// The inode of the tree's root: a stamp is of one tree.
    inode: u64,
    /// In which boot it was made.
    boot: String,
    /// It is on disk.
    synced: bool,
    flavor: Flavor,
    /// The layer says what the root is; else lower layers do.
    pub has_root: bool,
    /// What could not be made.
    pub skipped: Skipped,
}

/// A layer's place in the store.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    dir: PathBuf,
    flavor: Flavor,
}

impl Home {
    /// That of `layer`.
    pub(crate) fn new(store: &Store, layer: &DiffId) -> Result<Self, RootfsError> {
        Ok(Self { dir: store.layer_dir(layer)?, flavor: Flavor::current() })
    }

    /// Where its tree is, or will be.
    pub(crate) fn tree(&self) -> PathBuf {
        self.dir.join("tree")
    }

    /// The stamp, if there is a tree that can be used.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        let stamp: Stamp = serde_json::from_slice(&fs::read(self.stamp_path()).ok()?).ok()?;
        let inode = fs::symlink_metadata(self.tree()).ok()?.ino();
        let trusted = stamp.synced || stamp.boot == boot();
        (trusted && stamp.inode == inode && stamp.flavor == self.flavor).then_some(stamp)
    }

    /// Makes the tree unless there is one: `make` fills an empty directory.
    pub(crate) fn ensure(
        &self,
        store: &Store,
        make: impl FnOnce(&Path, Flavor) -> Result<(bool, Skipped), RootfsError>,
    ) -> Result<Stamp, RootfsError> {
        if let Some(stamp) = self.stamp() {
            return Ok(stamp);
        }
        let _lock = self.lock()?;
        if let Some(stamp) = self.stamp() {
            return Ok(stamp);
        }
        let scratch = store.scratch()?;
        let fresh = scratch.path().join("tree");
        fs::create_dir(&fresh).map_err(failed("make", &fresh))?;
        let (has_root, skipped) = make(&fresh, self.flavor)?;
        self.publish(&fresh, scratch.path(), has_root, skipped)
    }

    /// Makes the finished directory `fresh` the tree, unless there is one. `aside` is an empty place of ours.
    pub(crate) fn adopt(&self, fresh: &Path, aside: &Path) -> Result<Stamp, RootfsError> {
        let _lock = self.lock()?;
        match self.stamp() {
            Some(stamp) => Ok(stamp),
            None => self.publish(fresh, aside, false, Skipped::default()),
        }
    }

    /// Under the lock, and without a tree that can be used.
    fn publish(
        &self,
        fresh: &Path,
        aside: &Path,
        has_root: bool,
        skipped: Skipped,
    ) -> Result<Stamp, RootfsError> {
        // The stamp goes first and comes last, so that there is never one beside a tree that is not whole.
        ignore_missing(fs::remove_file(self.stamp_path())).map_err(failed("remove", self.stamp_path()))?;
        ignore_missing(fs::rename(self.tree(), aside.join("stale"))).map_err(failed("drop", self.tree()))?;
        fs::rename(fresh, self.tree()).map_err(failed("rename a tree to", self.tree()))?;
        let inode = fs::symlink_metadata(self.tree()).map_err(failed("stat", self.tree()))?.ino();
        let boot = boot().to_owned();
        let stamp = Stamp { inode, boot, synced: false, flavor: self.flavor, has_root, skipped };
        self.save(&stamp)?;
        Ok(stamp)
    }

    /// Notes that all trees of this boot among `homes` are on disk, if one of them is old enough to be: another thread
    /// syncs the file system first. If it comes to nothing, the trees are made again after the next boot.
    pub(crate) fn settle(store: &Arc<Store>, homes: Vec<(&Self, &Stamp)>) {
        let unsynced = || homes.iter().filter(|(_, stamp)| !stamp.synced);
        if !unsynced().any(|(home, _)| home.age() >= SETTLED) {
            return;
        }
        let unsynced: Vec<(Self, Stamp)> =
            unsynced().map(|&(home, stamp)| (home.clone(), stamp.clone())).collect();
        let store = Arc::clone(store);
        let sync = move || {
            if sync_file_system(store.root()).is_ok() {
                // In vain at worst.
                let _ = unsynced.iter().try_for_each(|(home, stamp)| home.mark_synced(stamp));
            }
        };
        let _ = std::thread::Builder::new().name("sync trees".to_owned()).spawn(sync);
    }

    /// Only if the tree is still the one of `stamp`.
    fn mark_synced(&self, stamp: &Stamp) -> Result<(), RootfsError> {
        let _lock = self.lock()?;
        match self.stamp() {
            Some(current) if current == *stamp => self.save(&Stamp { synced: true, ..current }),
            _ => Ok(()),
        }
    }

    /// How long ago the stamp was written.
    fn age(&self) -> Duration {
        let written = fs::metadata(self.stamp_path()).and_then(|metadata| metadata.modified());
        written.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default()
    }

    fn save(&self, stamp: &Stamp) -> Result<(), RootfsError> {
        let path = self.stamp_path();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = self.dir.join(format!("tree.stamp.{}-{count}", std::process::id()));
        let bytes = serde_json::to_vec(stamp).expect("a stamp is plain data");
        fs::write(&temporary, bytes).map_err(failed("write", &temporary))?;
        fs::rename(&temporary, &path).map_err(failed("rename to", path))
    }

    fn stamp_path(&self) -> PathBuf {
        self.dir.join("tree.stamp")
    }

    /// Waits until no one else makes the tree.
    fn lock(&self) -> Result<File, RootfsError> {
        let path = self.dir.join("tree.lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(failed("open", &path))?;
        lock.lock().map_err(failed("lock", &path))?;
        Ok(lock)
    }
}

/// Tells this boot of the machine from others; empty where the kernel does not say, and then no stamp fits after a
/// restart of this process.
pub(super) fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        if id.is_empty() { format!("process {}", std::process::id()) } else { id.trim().to_owned() }
    })
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
