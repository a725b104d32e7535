//! Layers of the base image in the form in which they were pulled: as with BuildKit, docker and kaniko they keep their
//! digests, so that machines and registries that have the base need only the new layers.
//!
//! The store keeps the tar of a pulled layer, its blob and the descriptor of the blob. Collection takes blobs that were not used
//! for long. An output gets the blob from the store (if it is there), the registry that it is pushed to (if that has it, or has the base and mounts it), or
//! the registry that the base came from. If all of them fail, the layer is compressed anew, with a warning.

use std::io::{self, Read};

use cache::Store;
use images::layer_blobs;
use oci::media_type::{self, Compression};
use oci::{Descriptor, DiffId, Reference};
use progress::{Cancel, Vertex};
use registry::Client;
use registry::transfer::Counted;

use crate::error::ExportCanceled;
use crate::error::{ExportError, io_error};

/// Returns the blob that a layer was pulled as, with the media type for the manifest that will name it. `None` if it is not
/// known, or has no media type of that family. `base` is the name that the base image was pulled by.
pub(crate) fn pulled_blob(
    store: &Store,
    layer: &DiffId,
    base: Option<&Reference>,
    docker_types: bool,
) -> Option<PulledBlob> {
    let known = layer_blobs::recall(store, layer, layer_blobs::ORIGIN)?;
    let media_type = converted(&known.media_type, docker_types)?;
    let repository = base.cloned().or_else(|| layer_blobs::source(&known));
    Some(PulledBlob { blob: Descriptor::new(media_type, known.digest, known.size_bytes), repository })
}

/// Returns the media type of the same form in OCI's or Docker's family.
fn converted(media_type: &str, docker_types: bool) -> Option<&'static str> {
    match (media_type::layer_compression(media_type)?, docker_types) {
        (Compression::None, false) => Some(media_type::LAYER_TAR),
        (Compression::Gzip, false) => Some(media_type::LAYER_GZIP),
        (Compression::Zstd, false) => Some(media_type::LAYER_ZSTD),
        (Compression::None, true) => Some(media_type::DOCKER_LAYER_TAR),
        (Compression::Gzip, true) => Some(media_type::DOCKER_LAYER_GZIP),
        (Compression::Zstd, true) => None,
    }
}

/// A blob that a layer was pulled as, whether or not the store has it.
pub(crate) struct PulledBlob {
    /// Descriptor for the manifest of the output.
    pub blob: Descriptor,
    /// Repository that the layer was pulled from; `None` if it came from a file.
    pub repository: Option<Reference>,
}

impl PulledBlob {
    /// Reports whether the store has the blob.
    pub fn is_in(&self, store: &Store) -> Result<bool, ExportError> {
        Ok(store.stat_blob(&self.blob.digest)? == Some(self.blob.size_bytes))
    }

    /// Fetches the blob into the store from the repository that the layer was pulled from.
    pub fn fetch(
        &self,
        store: &Store,
        client: &Client,
        vertex: &Vertex,
        cancel: &Cancel,
    ) -> Result<(), ExportError> {
        let digest = self.blob.digest;
        let _lock = store.lock_work(&format!("fetch blob {digest}"))?;
        if self.is_in(store)? {
            return Ok(());
        }
        let mut input =
            self.open(client, vertex, cancel).map_err(io_error("fetch blob", &store.blob_path(&digest)))?;
        let mut out = store.write_blob()?;
        io::copy(&mut input, &mut out).map_err(io_error("fetch blob to", &store.blob_path(&digest)))?;
        out.commit(Some(&digest))?;
        vertex.status(&format!("fetching {digest}"), self.blob.size_bytes, Some(self.blob.size_bytes), true);
        Ok(())
    }

    /// Opens the blob at the repository that the layer was pulled from.
    pub fn open(
        &self,
        client: &Client,
        vertex: &Vertex,
        cancel: &Cancel,
    ) -> io::Result<Box<dyn Read + Send>> {
        let repository = self.repository.as_ref().ok_or_else(|| io::Error::other("it came from a file"))?;
        let inner = client.blob(repository, &self.blob).map_err(io::Error::other)?;
        let (vertex, cancel) = (vertex.clone(), cancel.clone());
        let (id, size_bytes) = (format!("fetching {}", self.blob.digest), self.blob.size_bytes);
        let report = move |read_bytes| {
            vertex.status(&id, read_bytes, Some(size_bytes), false);
            if cancel.is_canceled() { Err(io::Error::other(ExportCanceled)) } else { Ok(()) }
        };
        Ok(Box::new(Counted::new(inner, report)))
    }

    /// Warns that the layer gets another digest because its blob is unavailable. A layer that came from a file has no place
    /// to be fetched from, which is not worth a warning.
    pub fn warn(&self, error: &dyn std::error::Error, vertex: &Vertex) {
        let Some(repository) = &self.repository else { return };
        vertex.warning(&format!(
            "base layer {} is unavailable from {} and is compressed anew, with another digest: {error}",
            self.blob.digest,
            repository.familiar()
        ));
    }
}
