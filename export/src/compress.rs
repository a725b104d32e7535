//! A layer as a blob of the store, packed as asked for.

use std::io;

use cache::{Key, Store, StoreError};
use oci::{Descriptor, DiffId, media_type};

use super::error::io_error;
use super::request::LayerCompression;
use super::{ExportError, gzip};
use images::layer_blobs;

/// The blob that holds `layer`: its tar itself, or one compressed before, or a new one. `docker_types`: Docker's
/// media types, where there is one.
pub(super) fn blob(
    store: &Store,
    layer: &DiffId,
    compression: LayerCompression,
    docker_types: bool,
) -> Result<Descriptor, ExportError> {
    let mut descriptor = match form(compression) {
        None => {
            let size_bytes = store.stat_blob(&layer.0)?.ok_or(StoreError::Missing { digest: layer.0 })?;
            Descriptor::new("", layer.0, size_bytes)
        }
        Some(form) => compressed(store, layer, compression, &form)?,
    };
    layer_type(compression, docker_types).clone_into(&mut descriptor.media_type);
    Ok(descriptor)
}

/// Under what name a compressed layer is remembered; the tar itself needs none.
fn form(compression: LayerCompression) -> Option<String> {
    match compression {
        LayerCompression::Uncompressed => None,
        LayerCompression::Gzip { level } => Some(format!("gzip-1m-{level}")),
        LayerCompression::Zstd { level } => Some(format!("zstd-{level}")),
    }
}

fn layer_type(compression: LayerCompression, docker_types: bool) -> &'static str {
    match compression {
        LayerCompression::Uncompressed if docker_types => media_type::DOCKER_LAYER_TAR,
        LayerCompression::Uncompressed => media_type::LAYER_TAR,
        LayerCompression::Gzip { .. } if docker_types => media_type::DOCKER_LAYER_GZIP,
        LayerCompression::Gzip { .. } => media_type::LAYER_GZIP,
        LayerCompression::Zstd { .. } => media_type::LAYER_ZSTD,
    }
}

fn compressed(
    store: &Store,
    layer: &DiffId,
    compression: LayerCompression,
    form: &str,
) -> Result<Descriptor, ExportError> {
    let _lock = store.lock_step(&Key::of(format!("compress {form} {layer}").as_bytes()))?;
    if let Some(known) = layer_blobs::recall(store, layer, form)?
        && store.stat_blob(&known.digest)? == Some(known.size_bytes)
    {
        return Ok(known);
    }
    let mut tar = store.read_blob(&layer.0)?;
    let mut out = store.write_blob()?;
    pack(&mut tar, &mut out, compression).map_err(io_error("compress layer", &store.blob_path(&layer.0)))?;
    let size_bytes = out.size_bytes();
    let descriptor = Descriptor::new(layer_type(compression, false), out.commit(None)?, size_bytes);
    layer_blobs::remember(store, layer, form, &descriptor)?;
    Ok(descriptor)
}

/// Packs a layer's tar, on the threads of the current rayon pool. Their number changes no byte.
pub fn pack(
    tar: &mut impl io::Read,
    out: &mut (impl io::Write + Send),
    compression: LayerCompression,
) -> io::Result<()> {
    match compression {
        LayerCompression::Uncompressed => io::copy(tar, out).map(drop),
        LayerCompression::Gzip { level } => gzip::compress(tar, out, level),
        LayerCompression::Zstd { level } => {
            let mut encoder = zstd::Encoder::new(out, level)?;
            // Any number of workers gives the same bytes, but none at all gives others.
            let workers = u32::try_from(rayon::current_num_threads()).unwrap_or(1);
            encoder.multithread(workers.max(1))?;
            io::copy(tar, &mut encoder)?;
            encoder.finish().map(drop)
        }
    }
}
