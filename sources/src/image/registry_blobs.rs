//! A repository of a registry as a place that blobs come from.

use std::io::Read;

use images::{BlobSource, BlobSourceError, ImageError};
use oci::{Descriptor, Digest, Reference};
use registry::{Client, RegistryError};

/// A repository of a registry.
pub(super) struct RegistryBlobs<'a> {
    pub client: &'a Client,
    pub name: &'a Reference,
}

impl BlobSource for RegistryBlobs<'_> {
    fn describe(&self, digest: &Digest) -> Result<Descriptor, ImageError> {
        // A registry sends manifests by digest, whatever their size.
        Ok(Descriptor::new("", *digest, 0))
    }

    fn open(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        self.client.blob(self.name, blob).map_err(refused)
    }

    fn manifest(&self, manifest: &Descriptor) -> Result<Vec<u8>, ImageError> {
        let pinned = Reference { digest: Some(manifest.digest), ..self.name.clone() };
        Ok(self.client.manifest(&pinned).map_err(refused)?.bytes)
    }
}

fn refused(error: RegistryError) -> ImageError {
    let is_missing = matches!(error, RegistryError::NotFound { .. });
    ImageError::BlobSource(BlobSourceError { is_missing, inner: Box::new(error) })
}
