//! The tars and indexes of the layers of a store: opened on demand, indexes once for the whole process.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache::Store;
use oci::DiffId;
use rustix::fs::{Mode, OFlags};

use crate::RootfsError;
use crate::index::{Index, Origin};
use crate::layer::import;
use trees::safe_path::{DIRECTORY, open_beneath};

/// Name of the index among the files derived from a layer.
const INDEX: &str = "index";

/// Access to the tars and indexes of the layers of a store. Clones share the open indexes.
#[derive(Clone)]
pub(crate) struct LayerFiles {
    store: Arc<Store>,
    indexes: Arc<Mutex<HashMap<DiffId, Arc<Index>>>>,
}

impl LayerFiles {
    /// Returns access to the layers of `store`.
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store, indexes: Arc::default() }
    }

    /// Returns the store that has the layers.
    pub(super) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Returns the index of a layer. Damaged parts are made again from the tar: at once if opening the index shows
    /// the damage, or later when a read finds it.
    pub(super) fn index(&self, layer: &DiffId) -> Result<Arc<Index>, RootfsError> {
        if let Some(index) = self.open_indexes().get(layer) {
            return Ok(Arc::clone(index));
        }
        let saved = self.store.open_derived(layer, INDEX).ok();
        let index = match saved.and_then(|file| Index::load(file, layer)) {
            Some(index) => {
                let (store, layer) = (Arc::clone(&self.store), *layer);
                index.with_rebuild(move || rebuild(&store, &layer).map_err(io::Error::other))
            }
            None => rebuild(&self.store, layer)?,
        };
        Ok(self.remember(layer, index))
    }

    /// Returns the saved index of a layer if it exists and all of it is undamaged.
    pub(super) fn undamaged_index(&self, layer: &DiffId) -> Result<Option<Index>, RootfsError> {
        Ok(self.store.open_derived(layer, INDEX).ok().and_then(|file| Index::load_whole(file, layer)))
    }

    /// Saves the index of a layer.
    pub(super) fn save_index(&self, layer: &DiffId, index: Index) -> Result<(), RootfsError> {
        save_index(&self.store, layer, &index)?;
        self.remember(layer, index);
        Ok(())
    }

    /// Keeps an open index for the rest of the process.
    pub(super) fn remember(&self, layer: &DiffId, index: Index) -> Arc<Index> {
        let index = Arc::new(index);
        self.open_indexes().insert(*layer, Arc::clone(&index));
        index
    }

    fn open_indexes(&self) -> MutexGuard<'_, HashMap<DiffId, Arc<Index>>> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the tar of a layer, all of which has been verified in this boot.
    pub(super) fn open_tar(&self, layer: &DiffId) -> Result<File, RootfsError> {
        Ok(self.store.open_verified_blob(&layer.0)?)
    }

    /// Opens a file of the layer's tree, for a layer whose tar is missing.
    pub(super) fn open_in_tree(&self, layer: &DiffId, path: &Path) -> io::Result<File> {
        let tree = self.store.layer_dir(layer).map_err(io::Error::other)?.join("tree");
        let tree = rustix::fs::open(tree, OFlags::PATH | DIRECTORY, Mode::empty())?;
        Ok(File::from(open_beneath(&tree, path, OFlags::RDONLY | OFlags::NOFOLLOW)?))
    }
}

/// Makes the index of a layer again from its tar, and saves it.
fn rebuild(store: &Store, layer: &DiffId) -> Result<Index, RootfsError> {
    let index = import::reindex(store.open_verified_blob(&layer.0)?, Origin::Imported)?;
    save_index(store, layer, &index)?;
    Ok(index)
}

fn save_index(store: &Store, layer: &DiffId, index: &Index) -> Result<(), RootfsError> {
    Ok(store.save_derived(layer, INDEX, |out| index.write(layer, out))?)
}
