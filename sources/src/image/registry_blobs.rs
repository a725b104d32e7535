//! A repository of a registry as a source of blobs.
//!
//! Layers that must not be redistributed (of Windows, mostly) can be at other places, which their descriptor lists as
//! `urls`. Those are asked if the registry does not have the blob. A registry of the public internet cannot send a build to
//! this machine or to a private network that way.

use std::io::Read;

use graph::url::Authority;
use images::{BlobSource, BlobSourceError, ImageError};
use oci::{Descriptor, Digest, Reference, VerifiedReader};
use registry::web::{Get, Page, WebError};
use registry::{Client, RegistryError};

use crate::reach::is_inside;

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
        match self.client.blob(self.name, blob) {
            Err(missing @ RegistryError::NotFound { .. }) => self.open_elsewhere(blob, missing),
            opened => opened.map(|reader| reader as Box<dyn Read + Send>).map_err(refused),
        }
    }

    fn open_from(
        &self,
        blob: &Descriptor,
        start_bytes: u64,
    ) -> Result<Option<Box<dyn Read + Send + '_>>, ImageError> {
        match self.client.blob_from(self.name, blob, start_bytes) {
            Ok(rest) => Ok(Some(rest)),
            Err(RegistryError::NotFound { .. }) if !urls(blob).is_empty() => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    fn manifest(&self, manifest: &Descriptor) -> Result<Vec<u8>, ImageError> {
        let pinned = Reference { digest: Some(manifest.digest), ..self.name.clone() };
        Ok(self.client.manifest(&pinned).map_err(refused)?.bytes)
    }
}

impl RegistryBlobs<'_> {
    /// Opens a blob that the registry does not have at one of the places that its descriptor lists.
    fn open_elsewhere(
        &self,
        blob: &Descriptor,
        missing: RegistryError,
    ) -> Result<Box<dyn Read + Send + '_>, ImageError> {
        let mut failure = refused(missing);
        for url in urls(blob) {
            match self.get(url) {
                Ok(body) => return Ok(Box::new(VerifiedReader::new(body, blob.digest, blob.size_bytes))),
                Err(error) => {
                    failure = ImageError::BlobSource(BlobSourceError {
                        is_missing: matches!(error, WebError::Status { status: 404 }),
                        inner: format!("{url}: {error}").into(),
                    });
                }
            }
        }
        Err(failure)
    }

    fn get(&self, url: &str) -> Result<Box<dyn Read + Send>, WebError> {
        let authority = Authority::of(url).ok_or(WebError::Url)?;
        if is_inside(&authority.host_and_port) && !is_inside(&self.name.registry) {
            let reason = format!("{} leads to the private address of {}", self.name.registry, authority.host);
            return Err(WebError::Refused { reason });
        }
        match self.client.web().get(&Get { url, authorization: None, etag: None })? {
            Page::File { body, .. } => Ok(body),
            Page::NotModified => Err(WebError::Status { status: 304 }),
        }
    }
}

/// Returns the places of a blob besides its registry.
fn urls(blob: &Descriptor) -> Vec<&str> {
    let listed = blob.extra.get("urls").and_then(|urls| urls.as_array());
    listed.into_iter().flatten().filter_map(|url| url.as_str()).collect()
}

fn refused(error: RegistryError) -> ImageError {
    let is_missing = matches!(error, RegistryError::NotFound { .. });
    ImageError::BlobSource(BlobSourceError { is_missing, inner: Box::new(error) })
}
