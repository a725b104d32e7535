//! The layers of a store: made from a tar, from a diff or from a snapshot, and kept in several representations.
//!
//! ```text
//! <store>/blobs/sha256/<diff id>     the tar, from which all else is derived
//! <store>/layers/<diff id>/index     its entries, with their real times
//!                          erofs     EROFS image that mounts the tar in place, for overlayfs
//!                          tree/     directory for overlayfs: unpacked, or left by a step
//!                          times-*   diff ID of the layer with other times
//! ```
//!
//! ```text
//! files          tars and indexes
//! stack          the merged view of several layers
//! export         a merged tree as a tar or as a directory
//! write_dir      writing into a directory of the user
//! rewrite        layers with other times
//! lower_layers   the representation that an overlay uses
//! check          comparing trees with what their layers say
//! implied        directories that layers imply, for an overlay
//! tree           trees on disk
//! erofs_image    EROFS images on disk
//! in_place       layers that are mounted in place
//! holes          files whose holes take no disk space here
//! copying        the state of the driver that copies layers instead of mounting them
//! finished       layers of finished images, which show the times of their tars
//! ```
//!
//! A derived representation can be dropped at any time. Only the real times in an index of the store's own layers
//! cannot be restored: a tar has no time later than its clamp.
//!
//! Concurrency: a process opens an index once and shares it between threads. Files in the directory of a layer are
//! written to another name and renamed; processes that race write the same bytes.

mod check;
mod copying;
mod erofs_image;
pub mod export;
mod files;
mod finished;
mod holes;
mod implied;
pub(crate) mod in_place;
pub(crate) mod lower_layers;
mod rewrite;
mod stack;
mod tree;
mod write_dir;

use std::io::Read;
use std::sync::Arc;

use cache::Store;
use oci::DiffId;

use self::copying::Copying;
use self::files::LayerFiles;
use self::in_place::MountedLayers;
use self::stack::Stack;
use crate::RootfsError;
use crate::diff::Diff;
use crate::index::{Index, Origin};
use crate::layer::import;
use crate::layer::new_entry::NewEntry;
use crate::layer::write;
use trees::tree::{Scratch, Tree};

pub use self::holes::FileWithHoles;
pub use crate::times::{Clamp, Times};

/// Layers of a store. Clones are cheap, and share open indexes and mounted layers.
#[derive(Clone)]
pub struct Layers {
    files: LayerFiles,
    mounted: Arc<MountedLayers>,
    copying: Arc<Copying>,
}

impl Layers {
    /// Returns the layers of `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { files: LayerFiles::new(store), mounted: Arc::default(), copying: Arc::default() }
    }

    /// Returns the layers of `store`, mounted by this method and no other.
    #[cfg(test)]
    pub(crate) fn mounted_by(store: Arc<Store>, method: in_place::MountMethod) -> Self {
        Self { mounted: Arc::new(MountedLayers::by(method)), ..Self::new(store) }
    }

    /// Returns the store that has the layers.
    pub fn store(&self) -> &Arc<Store> {
        self.files.store()
    }

    /// Stores the tar of a pulled layer, uncompressed, as it is, and makes its index. Fails if `expected` is given
    /// and the tar has another diff ID.
    pub fn import(&self, tar: &mut dyn Read, expected: Option<DiffId>) -> Result<DiffId, RootfsError> {
        let (layer, index) = import::import(self.store(), tar, expected)?;
        match self.files.undamaged_index(&layer)? {
            // A layer that this store made comes back with an image. Its index, which has the real times, is kept.
            Some(known) => drop(self.files.remember(&layer, known)),
            None => self.files.save_index(&layer, index)?,
        }
        Ok(layer)
    }

    /// Reports whether the store has the tar of the layer.
    pub fn contains(&self, layer: &DiffId) -> Result<bool, RootfsError> {
        Ok(self.store().stat_blob(&layer.0)?.is_some())
    }

    /// Returns the merged view of `layers`, from the base up; [`trees::tree::Scratch`] for an empty list.
    pub fn view(&self, layers: &[DiffId]) -> Result<Arc<dyn Tree>, RootfsError> {
        Ok(match layers {
            [] => Arc::new(Scratch),
            layers => Arc::new(Stack::new(self.files.clone(), layers)),
        })
    }

    /// Returns the merged view of `layers`, from the base up, the lowest `image_layers` of which belong to an image that was
    /// finished before: these have the times of their tars, which everybody sees who pulls the image.
    pub fn view_on_image(
        &self,
        layers: &[DiffId],
        image_layers: usize,
    ) -> Result<Arc<dyn Tree>, RootfsError> {
        Ok(match layers {
            [] => Arc::new(Scratch),
            layers => Arc::new(Stack::finished(self.files.clone(), layers, image_layers)?),
        })
    }

    /// Writes the changes of `diff` as a layer, whose index has the real times of these changes, even if the same tar was
    /// made before from files with other times.
    pub fn commit(&self, diff: Diff) -> Result<DiffId, RootfsError> {
        let (layer, index) = write::write(self.store(), diff.into_entries())?;
        if self.files.undamaged_index(&layer)?.is_some() {
            self.forget_rewritten(&layer)?;
        }
        self.files.save_index(&layer, index)?;
        Ok(layer)
    }

    /// Writes a layer of `entries`, which are in order ([`write::write`]).
    pub(crate) fn commit_entries(&self, entries: Vec<NewEntry>) -> Result<DiffId, RootfsError> {
        let (layer, index) = write::write(self.store(), entries)?;
        match self.files.undamaged_index(&layer)? {
            // The same layer was made before. Its index is kept, because a tree on disk has the times of that index.
            Some(known) if known.origin() == Origin::Made => drop(self.files.remember(&layer, known)),
            Some(_) => {
                self.forget_rewritten(&layer)?;
                self.files.save_index(&layer, index)?;
            }
            None => self.files.save_index(&layer, index)?,
        }
        Ok(layer)
    }

    /// Returns the index of a layer.
    pub(crate) fn index(&self, layer: &DiffId) -> Result<Arc<Index>, RootfsError> {
        self.files.index(layer)
    }
}
