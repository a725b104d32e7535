//! The overlay driver: an upper directory on top of lower layers.
//!
//! A snapshot is a scratch directory of this process with an upper and a work directory. A commit makes the upper
//! directory *itself* the tree of the new layer, so that the next step needs no extraction.
//!
//! Invariants: nothing is mounted where another process can see it. No path in an upper directory is opened through a
//! symlink.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use oci::DiffId;
use rustix::fs::{Mode, OFlags};

use super::changes::UpperContent;
use super::home::Home;
use super::lowers::Lowers;
use super::{Stub, changes, mount_points, new_entry, owners, untouched};
use crate::RootfsError;
use crate::change::Change;
use crate::error::failed;
use crate::layer::new_entry::NewEntry;
use crate::layers::Layers;
use crate::layers::lower_layers::LowerLayer;
use crate::overlay::{Lower, Overlay};
use trees::create::{Creator, Location, Skipped};
use trees::dir_tree::{DirTree, read_entry};
use trees::entry::Entry;
use trees::safe_path::DIRECTORY;
use trees::tree::Tree;
use trees::xattr::Flavor;

/// Upper directory on top of lower layers; discarded when dropped.
pub(super) struct Overlaid {
    /// Lower layers from the base up.
    lowers: Vec<Lower>,
    /// The layers of which these are representations.
    ids: Vec<DiffId>,
    /// The merged lower layers, if their trees lack something that a layer says, such as an owner; else `None`.
    complete_view: Option<Arc<dyn Tree>>,
    flavor: Flavor,
    /// Where the upper and the work directory are.
    home: Home,
    /// Time at which it was made, by the clock of the file system; processes use it later.
    made: SystemTime,
    /// Number of times that it has been mounted.
    mounts: AtomicU32,
}

impl Overlaid {
    /// Makes a snapshot on top of the layers `ids`, from the base up; or opens the one that was kept in `home`.
    pub(super) fn prepare(layers: &Layers, ids: &[DiffId], home: Home) -> Result<Self, RootfsError> {
        let lower_layers = layers.lower_layers(ids)?;
        let is_incomplete = lower_layers.iter().any(LowerLayer::is_incomplete);
        let complete_view = is_incomplete.then(|| layers.view(ids)).transpose()?;
        let lowers = lower_layers.iter().map(LowerLayer::lower).collect();
        let (flavor, mounts) = (Flavor::current(), AtomicU32::new(0));
        let (is_new, made) = home.begin(UPPER)?;
        let overlaid = Self { lowers, ids: ids.to_vec(), complete_view, flavor, home, made, mounts };
        if is_new {
            overlaid.set_root(&lower_layers)?;
            overlaid.home.complete()?;
        }
        Ok(overlaid)
    }

    /// Mounts the snapshot, attached nowhere.
    pub(super) fn mount(&self, volatile: bool) -> Result<OwnedFd, RootfsError> {
        let (upper, work) = (self.upper(), self.make_work_dir()?);
        let (lowers, scratch) = (&self.lowers, self.home.path());
        Overlay { lowers, upper: Some((&upper, &work)), volatile, scratch, flavor: self.flavor }.mount()
    }

    /// Returns the changes so far. The snapshot stays as it is, and can be mounted meanwhile.
    pub(super) fn changes_so_far(&self, layers: &Layers) -> Result<(OwnedFd, Vec<Change>), RootfsError> {
        let upper = self.open_upper()?;
        let lowers = Lowers { all: &self.lowers, flavor: self.flavor };
        let UpperContent { mut changes, suspects } = changes::collect(&upper, &lowers, self.made)?;
        if !suspects.is_empty() {
            let untouched = untouched::find(&changes, &suspects, &upper, &*layers.process_view(&self.ids)?)?;
            changes.retain(|change| !untouched.contains(&change.path));
        }
        if let Some(view) = &self.complete_view {
            owners::restore(&mut changes, &upper, view, self.made)?;
        }
        Ok((upper, changes))
    }

    /// Makes the changes a layer, without the mount points `stubs`.
    pub(super) fn commit(self, layers: &Layers, stubs: &[Stub]) -> Result<DiffId, RootfsError> {
        let upper = self.open_upper()?;
        let lowers = Lowers { all: &self.lowers, flavor: self.flavor };
        mount_points::remove(&upper, stubs, &lowers)?;
        let mut changes = self.changes(layers, &upper, &lowers)?;
        let skipped = match &self.complete_view {
            Some(view) => owners::restore(&mut changes, &upper, view, self.made)?,
            None => 0,
        };
        let tree: Arc<dyn Tree> = Arc::new(DirTree::new(upper));
        let entries: Vec<NewEntry> = changes.into_iter().map(|change| new_entry(&tree, change)).collect();
        let layer = layers.commit_entries(entries)?;
        layers.adopt_tree(&layer, &self.upper(), self.home.path(), Skipped::owners(skipped))?;
        Ok(layer)
    }

    /// Returns the changes in the upper directory, after removing files from it that are not changed.
    fn changes(
        &self,
        layers: &Layers,
        upper: &OwnedFd,
        lowers: &Lowers<'_>,
    ) -> Result<Vec<Change>, RootfsError> {
        let UpperContent { changes, suspects } = changes::collect(upper, lowers, self.made)?;
        if suspects.is_empty() {
            return Ok(changes);
        }
        let untouched = untouched::find(&changes, &suspects, upper, &*layers.process_view(&self.ids)?)?;
        if untouched.is_empty() {
            return Ok(changes);
        }
        mount_points::remove_copies(upper, &untouched, lowers)?;
        Ok(changes::collect(upper, lowers, self.made)?.changes)
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
        let entry = entry.unwrap_or_else(|| Entry::directory(0o755));
        Ok(Creator::new(self.flavor).finish_directory(place, &entry)?)
    }

    fn open_upper(&self) -> Result<OwnedFd, RootfsError> {
        let path = self.upper();
        rustix::fs::open(&path, DIRECTORY | OFlags::RDONLY, Mode::empty()).map_err(failed("open", path))
    }

    fn upper(&self) -> PathBuf {
        self.home.path().join(UPPER)
    }

    /// Makes a new work directory: overlayfs refuses to use that of a volatile mount again.
    fn make_work_dir(&self) -> Result<PathBuf, RootfsError> {
        if let Some(work) = self.home.kept_dir("work") {
            return make_unless_there(work);
        }
        let count = self.mounts.fetch_add(1, Ordering::Relaxed);
        let work = self.home.path().join(format!("work{count}"));
        fs::create_dir(&work).map_err(failed("make", &work))?;
        Ok(work)
    }
}

/// Name of the upper directory in its home.
pub(super) const UPPER: &str = "upper";

fn make_unless_there(path: PathBuf) -> Result<PathBuf, RootfsError> {
    match fs::create_dir(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed("make", &path)(error)),
        _ => Ok(path),
    }
}
