//! Brings the layers of an image here, several at a time.

use cache::{Key, Store};
use oci::{Descriptor, DiffId};
use rootfs::layers::Layers;

use super::{Progress, SourceError, layer};
use images::BlobSource;
use images::layer_blobs;
use registry::transfer::{self, Counted};

/// Makes every layer of `wanted` (blob and diff ID) present. Those that are here are not fetched.
pub(super) fn layers(
    store: &Store,
    layers: &Layers,
    source: &dyn BlobSource,
    wanted: &[(Descriptor, DiffId)],
    progress: Progress<'_>,
) -> Result<(), SourceError> {
    let mut missing: Vec<&(Descriptor, DiffId)> = Vec::new();
    for layer in wanted {
        if !missing.iter().any(|(_, diff)| *diff == layer.1) && !layers.contains(&layer.1)? {
            missing.push(layer);
        }
    }
    transfer::each(&missing, |(blob, diff)| {
        one(store, layers, source, blob, *diff, progress)
            .map_err(|error| SourceError::Layer { digest: blob.digest, source: Box::new(error) })
    })
}

fn one(
    store: &Store,
    layers: &Layers,
    source: &dyn BlobSource,
    blob: &Descriptor,
    diff: DiffId,
    progress: Progress<'_>,
) -> Result<(), SourceError> {
    // Two builds that start at once fetch a common base once.
    let _lock = store.lock_step(&Key::of(format!("fetch layer {diff}").as_bytes()))?;
    if layers.contains(&diff)? {
        return Ok(());
    }
    let id = blob.digest.to_string();
    progress(&id, 0, Some(blob.size_bytes), false);
    let tell = |read_bytes| {
        progress(&id, read_bytes, Some(blob.size_bytes), false);
        Ok(())
    };
    let counted = Counted::new(source.open(blob)?, tell);
    layer::import(layers, counted, blob.size_bytes, Some(diff))?;
    layer_blobs::remember(store, &diff, layer_blobs::ORIGIN, blob)?;
    progress(&id, blob.size_bytes, Some(blob.size_bytes), true);
    Ok(())
}
