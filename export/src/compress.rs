//! A layer as a blob of the store, compressed as the output asks for.

use std::io;
use std::path::Path;

use cache::{Store, StoreError};
use images::layer_blobs;
use oci::{Descriptor, DiffId, media_type};
use progress::{Cancel, Vertex};
use registry::transfer::Counted;

use crate::blob::BlobReader;
use crate::error::{ExportError, io_error};
use crate::gzip;
use crate::request::LayerCompression;

/// Compresses layers for one output.
pub(crate) struct Compressor<'a> {
    pub store: &'a Store,
    pub compression: LayerCompression,
    /// Uses Docker's media types, where there is one.
    pub docker_types: bool,
    pub vertex: &'a Vertex,
    pub cancel: &'a Cancel,
}

impl Compressor<'_> {
    /// Returns the blob that holds `layer`: its tar itself, one that was compressed before, or a new one.
    pub fn blob(&self, layer: &DiffId) -> Result<Descriptor, ExportError> {
        let mut descriptor = match form(self.compression) {
            None => self.tar(layer)?,
            Some(form) => self.compressed(layer, &form)?,
        };
        layer_type(self.compression, self.docker_types).clone_into(&mut descriptor.media_type);
        Ok(descriptor)
    }

    fn tar(&self, layer: &DiffId) -> Result<Descriptor, ExportError> {
        let size_bytes = self.store.stat_blob(&layer.0)?.ok_or(StoreError::Missing { digest: layer.0 })?;
        Ok(Descriptor::new("", layer.0, size_bytes))
    }

    fn compressed(&self, layer: &DiffId, form: &str) -> Result<Descriptor, ExportError> {
        let _lock = self.store.lock_work(&format!("compress {form} {layer}"))?;
        if let Some(known) = layer_blobs::recall(self.store, layer, form)
            && self.store.stat_blob(&known.digest)? == Some(known.size_bytes)
        {
            return Ok(known);
        }
        let tar = self.tar(layer)?;
        let id = format!("compressing {layer}");
        let report = |read_bytes| {
            self.vertex.status(&id, read_bytes, Some(tar.size_bytes), false);
            Ok(())
        };
        report(0).map_err(io_error("report on", Path::new(&id)))?;
        let mut input = Counted::new(BlobReader::open(self.store, &tar, self.cancel)?, report);
        let mut out = self.store.write_blob()?;
        let path = self.store.blob_path(&layer.0);
        pack(&mut input, &mut out, self.compression).map_err(io_error("compress layer", &path))?;
        let size_bytes = out.size_bytes();
        let descriptor = Descriptor::new(layer_type(self.compression, false), out.commit(None)?, size_bytes);
        layer_blobs::remember(self.store, layer, form, &descriptor)?;
        self.vertex.status(&id, tar.size_bytes, Some(tar.size_bytes), true);
        Ok(descriptor)
    }
}

/// Returns the name under which a compressed layer is remembered; `None` for the tar itself.
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

/// Compresses the tar of a layer: gzip on the threads of the current rayon pool, zstd on one. Their number changes no byte.
pub fn pack(
    tar: &mut impl io::Read,
    out: &mut (impl io::Write + Send),
    compression: LayerCompression,
) -> io::Result<()> {
    match compression {
        LayerCompression::Uncompressed => io::copy(tar, out).map(drop),
        LayerCompression::Gzip { level } => gzip::compress(tar, out, level),
        LayerCompression::Zstd { level } => {
            // One thread: the workers of zstd have given other bytes in one of several runs on a busy machine.
            let mut encoder = zstd::Encoder::new(out, level)?;
            io::copy(tar, &mut encoder)?;
            encoder.finish().map(drop)
        }
    }
}
