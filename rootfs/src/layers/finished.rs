//! Layers of finished images show the times of their tars.
//!
//! ```text
//! layers/<diff id>/finished          the layer is part of an image of the store; has the clamp of its tar in seconds
//!                  finished-<hash>   so are all layers of this list; the topmost of them has the file
//!                  erofs-finished    the layer as an EROFS image with the times of the tar
//!                  finished-tree/    the same as a directory
//! ```
//!
//! While a build runs, the layers that it makes keep real times: make, cargo and pip depend on them. Once an image is
//! finished, its processes see the times that every export of it has, so that what works in a container of this store works
//! everywhere. The index keeps the real times, which later exports with another source date need.

use cache::hashed_name;
use oci::DiffId;

use super::Layers;
use super::files::LayerFiles;
use crate::RootfsError;
use crate::error::failed;
use crate::index::{Index, Item, Origin, Row, Stored};
use crate::times::{Clamp, Times};
use trees::entry::{Entry, Timestamp};

/// Name of the file that marks a layer.
const MARKER: &str = "finished";

impl Layers {
    /// Declares that an image of the store has these layers, whose tars have `times`. From now on processes see the times
    /// of the tars.
    pub fn finish(&self, layers: &[DiffId], times: Times) -> Result<(), RootfsError> {
        let Some(top) = layers.last().filter(|_| times != Times::Real) else { return Ok(()) };
        let list: String = layers.iter().map(|layer| format!("{layer}\n")).collect();
        let all = format!("{MARKER}-{}", hashed_name(list.as_bytes()));
        // One layer needs no list: its own marker says the same.
        let has_list = layers.len() > 1;
        if has_list && self.store().read_checked(top, &all).is_some() {
            return Ok(());
        }
        let clamp = times.clamp().0.to_string();
        for layer in layers.iter().filter(|layer| self.files.finished(layer).is_none()) {
            // An imported layer shows the times of its tar in any case.
            if self.index(layer)?.origin() == Origin::Made {
                self.store().save_checked(layer, MARKER, clamp.as_bytes())?;
            }
        }
        if has_list {
            self.store().save_checked(top, &all, b"")?;
        }
        Ok(())
    }
}

impl LayerFiles {
    /// Returns the clamp of the layer's tar if an image of the store has the layer, and this store made it.
    pub(super) fn finished(&self, layer: &DiffId) -> Option<Clamp> {
        let clamp = self.store().read_checked(layer, MARKER)?;
        String::from_utf8(clamp).ok()?.parse().ok().map(Clamp)
    }

    /// Returns the index of a layer with the times and the bytes of its tar, whose latest time is `clamp`.
    pub(super) fn finished_index(&self, layer: &DiffId, clamp: Clamp) -> Result<Index, RootfsError> {
        let index = self.index(layer)?;
        let items = index.items().map_err(failed("read the layers of", self.store().root()))?;
        Index::build(items.map(|item| finished_row(&item, clamp)).collect(), Origin::Made)
    }
}

fn finished_row(item: &Item<'_>, clamp: Clamp) -> Row {
    let entry = item.entry();
    let mtime = Timestamp { seconds: entry.mtime.seconds.min(clamp.0), nanoseconds: 0 };
    let stored = if item.is_file() { Stored { pyc_mtime: None, ..item.stored() } } else { Stored::default() };
    Row {
        path: item.path().to_vec(),
        entry: Entry { mtime, ..entry },
        implied: item.is_implied(),
        group: item.first_name_row().map_or(0, |row| u32::try_from(row + 1).unwrap_or(u32::MAX)),
        stored,
    }
}
