//! Files whose holes take no disk space in the store, but do wherever the image is unpacked.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use cache::hole_bytes;
use oci::DiffId;

use super::Layers;
use crate::RootfsError;
use crate::error::failed;
use crate::index::Item;
use trees::path::to_path;

/// File of a layer with large holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWithHoles {
    /// Path of the file in the image, without a leading slash.
    pub path: PathBuf,
    /// Length of its holes together.
    pub hole_bytes: u64,
}

impl Layers {
    /// Returns the file of a layer that has the longest holes together, if they are at least `min_bytes` long.
    ///
    /// Asks for the disk space of the tar first, which costs one system call and is the end of it for most layers.
    pub fn largest_holes(
        &self,
        layer: &DiffId,
        min_bytes: u64,
    ) -> Result<Option<FileWithHoles>, RootfsError> {
        let path = self.store().blob_path(&layer.0);
        let tar = self.store().open_blob(&layer.0)?;
        let metadata = tar.metadata().map_err(failed("look at", &path))?;
        if metadata.len().saturating_sub(metadata.blocks() * 512) < min_bytes {
            return Ok(None);
        }
        let index = self.index(layer)?;
        let items = index.items().map_err(failed("read the index of", &path))?;
        let with_holes = items
            .filter(|item| item.is_file() && item.size_bytes() >= min_bytes)
            .map(|item| of_file(&tar, &item))
            .collect::<io::Result<Vec<_>>>()
            .map_err(failed("find the holes of", &path))?;
        let largest = with_holes.into_iter().max_by_key(|file| file.hole_bytes);
        Ok(largest.filter(|file| file.hole_bytes >= min_bytes))
    }
}

fn of_file(tar: &File, item: &Item<'_>) -> io::Result<FileWithHoles> {
    let start = item.stored().offset;
    let hole_bytes = hole_bytes(tar, start..start.saturating_add(item.size_bytes()))?;
    Ok(FileWithHoles { path: to_path(item.path()).to_owned(), hole_bytes })
}
