//! Places that blobs come from: our own store, a registry; layouts and archives are in their own modules.

use std::io::Read;

use cache::{Store, StoreError};
use oci::{Descriptor, Digest, Reference};
use registry::{Client, VerifiedReader};

use super::SourceError;

/// The largest manifest or index; registries refuse larger ones.
pub(super) const MANIFEST_LIMIT_BYTES: u64 = 4 << 20;

/// The largest image config.
pub(super) const CONFIG_LIMIT_BYTES: u64 = 8 << 20;

/// Gives blobs by descriptor. The bytes are verified: the last read fails if they are not those of the digest.
pub(super) trait BlobSource: Sync {
    /// Describes a manifest by its digest alone, as far as [`BlobSource::manifest`] needs it.
    fn describe(&self, digest: &Digest) -> Result<Descriptor, SourceError>;

    /// Opens a blob of any size.
    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, SourceError>;

    /// Reads a manifest or index.
    fn manifest(&self, manifest: &Descriptor) -> Result<Vec<u8>, SourceError> {
        read(self, manifest, MANIFEST_LIMIT_BYTES)
    }
}

/// Reads a blob of at most `limit_bytes`.
pub(super) fn read(
    source: &(impl BlobSource + ?Sized),
    blob: &Descriptor,
    limit_bytes: u64,
) -> Result<Vec<u8>, SourceError> {
    let Descriptor { digest, size_bytes, .. } = *blob;
    if size_bytes > limit_bytes {
        return Err(SourceError::TooLarge { digest, size_bytes, limit_bytes });
    }
    let mut bytes = Vec::new();
    source.open(blob)?.read_to_end(&mut bytes).map_err(|source| SourceError::Io {
        action: "read blob",
        path: digest.to_string().into(),
        source,
    })?;
    Ok(bytes)
}

/// Our own store.
pub(super) struct StoreBlobs<'a>(pub &'a Store);

impl BlobSource for StoreBlobs<'_> {
    fn describe(&self, digest: &Digest) -> Result<Descriptor, SourceError> {
        let size_bytes = self.0.stat_blob(digest)?.ok_or(StoreError::Missing { digest: *digest })?;
        Ok(Descriptor::new("", *digest, size_bytes))
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, SourceError> {
        let file = self.0.open_blob(&blob.digest)?;
        Ok(Box::new(VerifiedReader::new(file, blob.digest, blob.size_bytes)))
    }
}

/// A repository of a registry.
pub(super) struct RegistryBlobs<'a> {
    pub client: &'a Client,
    pub name: &'a Reference,
}

impl BlobSource for RegistryBlobs<'_> {
    fn describe(&self, digest: &Digest) -> Result<Descriptor, SourceError> {
        // A registry sends manifests by digest, whatever their size.
        Ok(Descriptor::new("", *digest, 0))
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, SourceError> {
        Ok(self.client.blob(self.name, blob)?)
    }

    fn manifest(&self, manifest: &Descriptor) -> Result<Vec<u8>, SourceError> {
        let pinned = Reference { digest: Some(manifest.digest), ..self.name.clone() };
        Ok(self.client.manifest(&pinned)?.bytes)
    }
}

/// Documents are looked for in the store first, and kept there; all else comes from `inner`.
pub(super) struct Through<'a> {
    pub store: &'a Store,
    pub inner: &'a dyn BlobSource,
}

impl Through<'_> {
    /// Reads a config.
    pub fn config(&self, config: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.cached(config, CONFIG_LIMIT_BYTES, || read(self.inner, config, CONFIG_LIMIT_BYTES))
    }

    fn cached(
        &self,
        blob: &Descriptor,
        limit_bytes: u64,
        fetch: impl FnOnce() -> Result<Vec<u8>, SourceError>,
    ) -> Result<Vec<u8>, SourceError> {
        if let Ok(bytes) = self.store.get_blob(&blob.digest, limit_bytes) {
            return Ok(bytes);
        }
        let bytes = fetch()?;
        self.store.put_blob(&bytes)?;
        Ok(bytes)
    }
}

impl BlobSource for Through<'_> {
    fn describe(&self, digest: &Digest) -> Result<Descriptor, SourceError> {
        StoreBlobs(self.store).describe(digest).or_else(|_| self.inner.describe(digest))
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, SourceError> {
        self.inner.open(blob)
    }

    fn manifest(&self, manifest: &Descriptor) -> Result<Vec<u8>, SourceError> {
        self.cached(manifest, MANIFEST_LIMIT_BYTES, || self.inner.manifest(manifest))
    }
}
