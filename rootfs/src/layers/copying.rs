//! Layers of a store whose file system cannot hold overlays: processes work on copies ([`crate::copy`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use oci::DiffId;

use super::Layers;
use crate::RootfsError;
use crate::copy::{KeptCopies, Touched};
use crate::error::failed;
use crate::index::Item;
use crate::overlay::unfit_file_system;
use trees::path::to_path;
use trees::tree::Tree;

/// State of the copying driver, which all steps of a process share.
#[derive(Default)]
pub(crate) struct Copying {
    /// Name of the file system of the store if it cannot hold overlays. Unset until a snapshot is needed.
    unfit: OnceLock<Option<String>>,
    is_reported: AtomicBool,
    /// Copies that no snapshot uses any more.
    pub kept: KeptCopies,
}

impl Layers {
    /// Returns the layers of `store`, of which every snapshot is a copy.
    #[cfg(test)]
    pub(crate) fn copied(store: Arc<cache::Store>) -> Self {
        let unfit = OnceLock::from(Some("a test".to_owned()));
        Self { copying: Arc::new(Copying { unfit, ..Copying::default() }), ..Self::new(store) }
    }

    /// Returns the state of the copying driver.
    pub(crate) fn copying(&self) -> &Copying {
        &self.copying
    }

    /// Reports whether processes work on copies, because the file system of the store cannot hold overlays.
    pub(crate) fn is_copying(&self) -> Result<bool, RootfsError> {
        if let Some(unfit) = self.copying.unfit.get() {
            return Ok(unfit.is_some());
        }
        let scratch = self.store().scratch()?;
        let unfit = unfit_file_system(scratch.path())?;
        Ok(self.copying.unfit.get_or_init(|| unfit).is_some())
    }

    /// Returns a note for the user if processes work on copies: the cause and the way out. It is returned once; `None` at
    /// every later call, and before the first snapshot.
    pub fn take_copying_note(&self) -> Option<String> {
        let unfit = self.copying.unfit.get()?.as_deref()?;
        let note = || {
            format!(
                "the store is on {unfit}, which cannot hold an overlay: every process gets a copy of all its files, \
                 which is slow; set DSBUILD_ROOT to a directory on a volume or on a tmpfs"
            )
        };
        (!self.copying.is_reported.swap(true, Ordering::Relaxed)).then(note)
    }

    /// Returns the merged view of `layers` as processes see it: layers of finished images have the times of their tars.
    pub(crate) fn process_view(&self, layers: &[DiffId]) -> Result<Arc<dyn Tree>, RootfsError> {
        self.view_on_image(layers, layers.len())
    }

    /// Returns all paths that `layers` describe.
    pub(crate) fn touched(&self, layers: &[DiffId]) -> Result<Vec<Touched>, RootfsError> {
        let mut touched = Vec::new();
        for layer in layers {
            let index = self.index(layer)?;
            let items =
                index.items().map_err(failed("read the index of a layer for", self.store().root()))?;
            let one =
                |item: Item<'_>| Touched { path: to_path(item.path()).to_owned(), hides: item.hides_lower() };
            touched.extend(items.map(one));
        }
        Ok(touched)
    }
}
