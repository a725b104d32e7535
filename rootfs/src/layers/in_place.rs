//! Layers whose tars are mounted in place ([`crate::erofs`]), by this process.
//!
//! Where it does not work (in a user namespace, with a kernel that mounts no files or lays no overlay on them, for a
//! layer of which EROFS cannot say all), nothing is mounted and no error made of it: the layer is unpacked. Whether it
//! works is found out once, with the first layer: by mounting it, and an overlay on top.
//!
//! A mount is attached nowhere; kernels before 6.15, which want lower layers to be attached, get it in a scratch directory,
//! in the mount namespace that is ours. It stays as long as this process uses the store: the next step finds the files in
//! memory that this one has read. An overlay holds what is below it for itself, so a container outlives us all the same.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cache::{ScratchDir, Store};
use oci::DiffId;

use super::erofs_image::Image;
use crate::RootfsError;
use crate::erofs::mount::mount;
use crate::error::failed;
use crate::layers::Layers;
use crate::overlay::{Api, Attached, Overlay};
use crate::snapshot::lowers::Lower;
use crate::xattr::Flavor;

/// A layer that is mounted; no more when dropped.
#[derive(Debug)]
pub(crate) struct Mounted {
    root: OwnedFd,
    path: PathBuf,
    has_root: bool,
    #[expect(dead_code, reason = "held for its Drop, the mount's first")]
    attached: Option<(Attached, ScratchDir)>,
}

impl Mounted {
    /// The root of the mount.
    pub(crate) fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// Where the image is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the layer says what the root is; else those below do.
    pub(crate) fn has_root(&self) -> bool {
        self.has_root
    }
}

/// How layers are mounted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Attached nowhere.
    Detached,
    /// In a scratch directory.
    Attached,
    /// Not at all.
    None,
}

/// Those of this process.
#[derive(Default)]
pub(crate) struct MountedLayers(Mutex<State>);

#[derive(Default)]
struct State {
    /// Once it has been found out.
    way: Option<Way>,
    mounted: HashMap<DiffId, Arc<Mounted>>,
}

impl MountedLayers {
    /// That are mounted this way and no other.
    #[cfg(test)]
    pub(crate) fn with(way: Way) -> Self {
        Self(Mutex::new(State { way: Some(way), ..State::default() }))
    }

    /// The layer, mounted; `None` if it has to be unpacked.
    pub(crate) fn get(&self, layers: &Layers, layer: &DiffId) -> Option<Arc<Mounted>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mounted) = state.mounted.get(layer) {
            return Some(Arc::clone(mounted));
        }
        if state.way == Some(Way::None) || Flavor::current() != Flavor::Trusted {
            return None;
        }
        // Whatever does not work out here does in the way that always did, or fails there with a reason.
        let image = Image::of(layers, layer).ok().flatten()?;
        let mounted = match state.way {
            Some(way) => image.mount(layers, layer, way).ok(),
            None => {
                let found = image.find_way(layers, layer);
                state.way = Some(found.as_ref().map_or(Way::None, |(way, _)| *way));
                found.map(|(_, mounted)| mounted)
            }
        };
        let mounted = Arc::new(mounted?);
        state.mounted.insert(*layer, Arc::clone(&mounted));
        Some(mounted)
    }
}

impl Image {
    fn mount(&self, layers: &Layers, layer: &DiffId, way: Way) -> Result<Mounted, RootfsError> {
        let tar = layers.open_tar(layer)?;
        let root = mount(&self.file, &tar).map_err(failed("mount", &self.path))?;
        let attached = match way {
            Way::Attached => Some(attach(&root, layers.store())?),
            _ => None,
        };
        Ok(Mounted { root, path: self.path.clone(), has_root: self.has_root, attached })
    }

    /// The first way that works, with the layer mounted this way.
    fn find_way(&self, layers: &Layers, layer: &DiffId) -> Option<(Way, Mounted)> {
        [Way::Detached, Way::Attached].into_iter().find_map(|way| {
            let mounted = self.mount(layers, layer, way).ok()?;
            let lower = Arc::new(mounted);
            carries_overlay(&lower, layers.store()).ok()?;
            Some((way, Arc::into_inner(lower)?))
        })
    }
}

fn attach(mount: &OwnedFd, store: &Store) -> Result<(Attached, ScratchDir), RootfsError> {
    let scratch = store.scratch()?;
    let at = scratch.path().join("layer");
    fs::create_dir(&at).map_err(failed("make", &at))?;
    Ok((Attached::new(mount, &at)?, scratch))
}

/// Whether an overlay can be laid on it.
fn carries_overlay(mounted: &Arc<Mounted>, store: &Store) -> Result<(), RootfsError> {
    let scratch = store.scratch()?;
    let overlay = Overlay {
        lowers: &[Lower::Mounted(Arc::clone(mounted))],
        upper: None,
        volatile: false,
        scratch: scratch.path(),
        flavor: Flavor::Trusted,
    };
    overlay.mount_with(Api::Detached).map(drop)
}
