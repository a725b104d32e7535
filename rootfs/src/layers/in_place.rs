//! Layers that this process has mounted in place: an EROFS image over the tar ([`crate::erofs`]).
//!
//! A layer that cannot be mounted is unpacked instead, and that is never an error. Mounting fails in a user
//! namespace, with a kernel that does not mount files or does not accept such a mount as a lower layer, and for a
//! layer that EROFS cannot represent. The first layer shows what this machine supports: it is mounted, with an
//! overlay on top.
//!
//! A mount is attached nowhere. Kernels before 6.15 require lower layers to be attached, so there it is attached to a
//! scratch directory in the mount namespace of this process. It lives as long as this process uses the store, so that
//! the next step finds files in memory that this one has read. An overlay keeps the mounts below it, so a container
//! that outlives this process keeps them as well.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use cache::{ScratchDir, Store};
use oci::DiffId;

use super::erofs_image::ErofsImage;
use super::files::LayerFiles;
use crate::RootfsError;
use crate::erofs::mount::mount;
use crate::error::failed;
use crate::overlay::{Attached, Lower, LowerMount, MountApi, Overlay};
use crate::times::Clamp;
use trees::xattr::Flavor;

/// Layer that is mounted in place; unmounted when its last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct MountedLayer {
    mount: Arc<LowerMount>,
    /// Whether the layer describes the root directory. If not, lower layers do.
    pub has_root: bool,
}

impl MountedLayer {
    /// Returns the layer as a lower layer of an overlay.
    pub(super) fn lower(&self) -> Lower {
        Lower::Mount(Arc::clone(&self.mount))
    }
}

/// Method by which layers are mounted on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountMethod {
    /// Mounts are attached nowhere.
    Detached,
    /// Mounts are attached to scratch directories.
    Attached,
    /// Layers are not mounted but unpacked.
    Unsupported,
}

/// Layers that this process has mounted in place, by diff ID.
#[derive(Default)]
pub(crate) struct MountedLayers(Mutex<State>);

#[derive(Default)]
struct State {
    /// Method that works here; `None` until the first layer has been tried.
    method: Option<MountMethod>,
    /// Mounted layers, by diff ID and whether they show the times of their tars.
    mounted: HashMap<(DiffId, bool), MountedLayer>,
}

impl MountedLayers {
    /// Returns a set whose layers are mounted by `method` and no other.
    #[cfg(test)]
    pub(super) fn by(method: MountMethod) -> Self {
        Self(Mutex::new(State { method: Some(method), ..State::default() }))
    }

    /// Returns the layer, mounted in place; `None` if it must be unpacked.
    ///
    /// A finished layer has the times of its tar.
    pub(super) fn get(
        &self,
        files: &LayerFiles,
        layer: &DiffId,
        finished: Option<Clamp>,
    ) -> Option<MountedLayer> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mounted) = state.mounted.get(&(*layer, finished.is_some())) {
            return Some(mounted.clone());
        }
        if state.method == Some(MountMethod::Unsupported) || Flavor::current() != Flavor::Trusted {
            return None;
        }
        // An error is not reported here: unpacking the layer works, or fails with a reason of its own.
        let image = ErofsImage::of(files, layer, finished).ok().flatten()?;
        let mounted = match state.method {
            Some(method) => image.mount(files, layer, method).ok(),
            None => {
                let found = image.find_method(files, layer);
                state.method = Some(found.as_ref().map_or(MountMethod::Unsupported, |(method, _)| *method));
                found.map(|(_, mounted)| mounted)
            }
        };
        let mounted = mounted?;
        state.mounted.insert((*layer, finished.is_some()), mounted.clone());
        Some(mounted)
    }
}

impl ErofsImage {
    fn mount(
        &self,
        files: &LayerFiles,
        layer: &DiffId,
        method: MountMethod,
    ) -> Result<MountedLayer, RootfsError> {
        let tar = files.open_tar(layer)?;
        let root = mount(&self.file, &tar).map_err(failed("mount", &self.path))?;
        let attached = match method {
            MountMethod::Attached => Some(attach(&root, files.store())?),
            _ => None,
        };
        let mount = Arc::new(LowerMount::new(root, self.path.clone(), attached));
        Ok(MountedLayer { mount, has_root: self.has_root })
    }

    /// Returns the first method that works on this machine, and the layer mounted by it.
    fn find_method(&self, files: &LayerFiles, layer: &DiffId) -> Option<(MountMethod, MountedLayer)> {
        [MountMethod::Detached, MountMethod::Attached].into_iter().find_map(|method| {
            let mounted = self.mount(files, layer, method).ok()?;
            try_overlay(&mounted, files.store()).ok()?;
            Some((method, mounted))
        })
    }
}

fn attach(mount: &OwnedFd, store: &Store) -> Result<(Attached, ScratchDir), RootfsError> {
    let scratch = store.scratch()?;
    let at = scratch.path().join("layer");
    fs::create_dir(&at).map_err(failed("make", &at))?;
    Ok((Attached::new(mount, &at)?, scratch))
}

/// Mounts an overlay on top of the layer, and drops it again.
fn try_overlay(mounted: &MountedLayer, store: &Store) -> Result<(), RootfsError> {
    let scratch = store.scratch()?;
    let overlay = Overlay {
        lowers: &[mounted.lower()],
        upper: None,
        volatile: false,
        scratch: scratch.path(),
        flavor: Flavor::Trusted,
    };
    overlay.mount_with(MountApi::Detached).map(drop)
}
