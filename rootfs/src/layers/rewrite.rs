//! Layers with other modification times, for exporters with a source date of their own.

use std::fs;
use std::io;

use cache::ContentDigest;
use oci::DiffId;

use super::Layers;
use crate::RootfsError;
use crate::content::Content;
use crate::error::failed;
use crate::index::{Index, Item, Origin};
use crate::layer::new_entry::NewEntry;
use crate::times::{Clamp, Times};
use trees::entry::Timestamp;
use trees::path::to_path;

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
        let record = record_name(times);
        // Read before any index is opened.
        let known = self.store().read_checked(layer, &record).and_then(|text| String::from_utf8(text).ok());
        let known = known.and_then(|text| text.trim().parse().ok());
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
        self.store().save_checked(layer, &record, format!("{rewritten}\n").as_bytes())?;
        Ok(rewritten)
    }

    /// Returns a digest of the real times in a layer that lie before `clamp`, which a rewrite to this clamp keeps.
    /// Layers with the same tar can differ in them. The times of an imported layer are in its tar, and not in the digest.
    pub fn times_digest(&self, layer: &DiffId, clamp: Clamp) -> Result<ContentDigest, RootfsError> {
        let index = self.index(layer)?;
        let mut bytes = Vec::new();
        if index.origin() == Origin::Made {
            let items = index.items().map_err(failed("read the layers of", self.store().root()))?;
            for item in items.filter(|item| !item.is_implied() && item.mtime().seconds < clamp.0) {
                let Timestamp { seconds, nanoseconds } = item.mtime();
                bytes.extend_from_slice(&(item.path().len() as u64).to_le_bytes());
                bytes.extend_from_slice(item.path());
                bytes.extend_from_slice(&seconds.to_le_bytes());
                bytes.extend_from_slice(&nanoseconds.to_le_bytes());
            }
        }
        Ok(ContentDigest::of(&bytes))
    }

    /// Reports whether this store still has the real times of a layer that it made. They are in the index only; an index
    /// that was made again from the tar has lost them.
    pub fn has_real_times(&self, layer: &DiffId) -> Result<bool, RootfsError> {
        Ok(self.index(layer)?.origin() == Origin::Made)
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

fn record_name(times: Times) -> String {
    match times {
        Times::Clamped(Clamp(seconds)) => format!("{RECORD_PREFIX}{seconds}"),
        _ => format!("{RECORD_PREFIX}real"),
    }
}
