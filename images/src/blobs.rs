//! Sources of blobs: the local store, and the trait that registries, layouts and archives implement.

use std::io::Read;

use cache::{Store, StoreError};
use oci::VerifiedReader;
use oci::{Descriptor, Digest};

use crate::ImageError;

/// Largest manifest or index that is read; registries refuse larger ones.
pub const MANIFEST_LIMIT_BYTES: u64 = 4 << 20;

/// Largest image config that is read.
pub const CONFIG_LIMIT_BYTES: u64 = 8 << 20;

/// A place that blobs are read from, such as a repository of a registry.
pub trait BlobSource: Sync {
    /// Describes a manifest by its digest alone, as far as [`BlobSource::manifest`] needs it.
    fn describe(&self, digest: &Digest) -> Result<Descriptor, ImageError>;

    /// Opens a blob of any size. Its bytes are verified: the last read fails if they do not have the digest.
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, ImageError>;

    /// Opens a blob behind its first `start_bytes` bytes, to go on with a transfer that broke off.
    ///
    /// The bytes are not verified. Returns `None` if the source cannot break off, as those on this machine.
    fn open_from(
        &self,
        _blob: &Descriptor,
        _start_bytes: u64,
    ) -> Result<Option<Box<dyn Read + Send + '_>>, ImageError> {
        Ok(None)
    }

    /// Reads a manifest or an index.
    fn manifest(&self, manifest: &Descriptor) -> Result<Vec<u8>, ImageError> {
        read(self, manifest, MANIFEST_LIMIT_BYTES)
    }
}

/// Reads a blob of at most `limit_bytes`.
pub fn read(
    source: &(impl BlobSource + ?Sized),
    blob: &Descriptor,
    limit_bytes: u64,
) -> Result<Vec<u8>, ImageError> {
    let Descriptor { digest, size_bytes, .. } = *blob;
    if size_bytes > limit_bytes {
        return Err(ImageError::TooLarge { digest, size_bytes, limit_bytes });
    }
    let mut bytes = Vec::new();
    source.open(blob)?.read_to_end(&mut bytes).map_err(|source| ImageError::Io {
        action: "read blob",
        path: digest.to_string().into(),
        source,
    })?;
    Ok(bytes)
}

/// The local store as a source of blobs.
pub struct StoreBlobs<'a>(pub &'a Store);

impl BlobSource for StoreBlobs<'_> {
    fn describe(&self, digest: &Digest) -> Result<Descriptor, ImageError> {
        let size_bytes = self.0.stat_blob(digest)?.ok_or(StoreError::Missing { digest: *digest })?;
        Ok(Descriptor::new("", *digest, size_bytes))
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        let file = self.0.open_blob(&blob.digest)?;
        Ok(Box::new(VerifiedReader::new(file, blob.digest, blob.size_bytes)))
    }
}

/// A source whose documents are looked up in the store first, and kept there once they were read.
pub struct Through<'a> {
    /// Store that documents are looked up in and kept in.
    pub store: &'a Store,
    /// Source of everything that the store does not have.
    pub inner: &'a dyn BlobSource,
}

impl Through<'_> {
    /// Reads the config that a manifest refers to.
    pub fn config(&self, config: &Descriptor) -> Result<Vec<u8>, ImageError> {
        self.cached(config, CONFIG_LIMIT_BYTES, || read(self.inner, config, CONFIG_LIMIT_BYTES))
    }

    fn cached(
        &self,
        blob: &Descriptor,
        limit_bytes: u64,
        fetch: impl FnOnce() -> Result<Vec<u8>, ImageError>,
    ) -> Result<Vec<u8>, ImageError> {
        if let Ok(bytes) = self.store.get_blob(&blob.digest, limit_bytes) {
            return Ok(bytes);
        }
        let bytes = fetch()?;
        self.store.put_blob(&bytes)?;
        Ok(bytes)
    }
}

impl BlobSource for Through<'_> {
    fn describe(&self, digest: &Digest) -> Result<Descriptor, ImageError> {
        StoreBlobs(self.store).describe(digest).or_else(|_| self.inner.describe(digest))
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        self.inner.open(blob)
    }

    fn open_from(
        &self,
        blob: &Descriptor,
        start_bytes: u64,
    ) -> Result<Option<Box<dyn Read + Send + '_>>, ImageError> {
        self.inner.open_from(blob, start_bytes)
    }

    fn manifest(&self, manifest: &Descriptor) -> Result<Vec<u8>, ImageError> {
        self.cached(manifest, MANIFEST_LIMIT_BYTES, || self.inner.manifest(manifest))
    }
}
