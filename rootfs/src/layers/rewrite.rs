//! Layers with other modification times, for exporters with a source date of their own.

use std::fs;
use std::io;
use std::path::PathBuf;

use oci::DiffId;

use super::Layers;
use super::save::save;
use crate::RootfsError;
use crate::content::Content;
use crate::error::failed;
use crate::index::{Index, Item, Origin};
use crate::layer::new_entry::NewEntry;
use crate::path::to_path;
use crate::times::{Clamp, Times};

/// Prefix of the files that record the diff ID of a layer with other times.
const RECORD_PREFIX: &str = "times-";

impl Layers {
    /// Returns the layer with other modification times, which is a blob of the store like any other; the layer itself
    /// for [`Times::Store`]. The result is recorded, so that it is written once.
    ///
    /// Only layers that this store made are rewritten. Imported layers keep their times.
    pub fn rewrite(&self, layer: &DiffId, times: Times) -> Result<DiffId, RootfsError> {
        if times.clamp() == Clamp::STORE {
            return Ok(*layer);
        }
        let record = self.rewrite_record(layer, times)?;
        // Read before any index is opened.
        let known = fs::read_to_string(&record).ok().and_then(|text| text.trim().parse().ok());
        if let Some(known) = known.filter(|known| self.contains(known).unwrap_or(false)) {
            return Ok(known);
        }
        let index = self.index(layer)?;
        let rewritten = match index.origin() {
            Origin::Imported => *layer,
            Origin::Made => {
                // The new layer would give a damaged one a digest that fits.
                self.store().verify_blob(&layer.0)?;
                self.commit_entries(self.layer_entries(layer, &index, times)?)?
            }
        };
        save(&record, format!("{rewritten}\n").as_bytes()).map_err(failed("write", &record))?;
        Ok(rewritten)
    }

    fn rewrite_record(&self, layer: &DiffId, times: Times) -> Result<PathBuf, RootfsError> {
        let name = match times {
            Times::Clamped(Clamp(seconds)) => format!("{RECORD_PREFIX}{seconds}"),
            _ => format!("{RECORD_PREFIX}real"),
        };
        Ok(self.store().layer_dir(layer)?.join(name))
    }

    /// Removes the records of a layer that was imported before this store made it: only now are its real times known.
    pub(super) fn forget_rewritten(&self, layer: &DiffId) -> Result<(), RootfsError> {
        let dir = self.store().layer_dir(layer)?;
        let remove = || -> io::Result<()> {
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                if entry.file_name().as_encoded_bytes().starts_with(RECORD_PREFIX.as_bytes()) {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        remove().map_err(failed("clean", &dir))
    }

    /// Returns the entries of one layer as the layer describes them.
    fn layer_entries(
        &self,
        layer: &DiffId,
        index: &Index,
        times: Times,
    ) -> Result<Vec<NewEntry>, RootfsError> {
        let tree = self.view(&[*layer])?;
        let new_entry = |item: Item<'_>| {
            let path = item.path();
            let content = || Content::of_tree(&tree, to_path(path), Some(item.content()));
            Ok(NewEntry::new(path, item.layer_entry()?, content, times.clamp()))
        };
        // An implied directory is left out, unless it hides what is below it in lower layers.
        let is_described = |item: &Item<'_>| !item.is_implied() || item.is_opaque();
        let entries = index.items().and_then(|items| items.filter(is_described).map(new_entry).collect());
        entries.map_err(failed("read the layers of", self.store().root()))
    }
}
