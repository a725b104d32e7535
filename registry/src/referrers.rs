//! Referrers: artifacts, such as attestations, whose manifests name an image as their subject.
//!
//! A registry with the referrers API lists an artifact as soon as it is pushed. For other registries the client keeps the
//! list: an index under a tag that is made of the digest of the image.
//!
//! Source: OCI distribution specification 1.1, "Listing Referrers" and "Referrers Tag Schema".

use oci::{Descriptor, Digest, Document, Index, Reference, media_type};

use crate::auth::Access;
use crate::client::{Inner, RepositoryRequest};
use crate::endpoint::Endpoint;
use crate::http::response;
use crate::{RawManifest, RegistryError};

/// Largest list of referrers that is read.
const MAX_LIST_BYTES: u64 = 4 << 20;

impl Inner {
    /// Puts an artifact into the list of the referrers of `subject`, unless the registry keeps that list itself.
    pub fn add_referrer(
        &self,
        endpoint: &Endpoint,
        repository: &Reference,
        subject: &Digest,
        artifact: &Descriptor,
    ) -> Result<(), RegistryError> {
        match self.has_referrers(endpoint, repository, subject) {
            Ok(()) => return Ok(()),
            Err(error @ (RegistryError::Canceled | RegistryError::Unreachable { .. })) => return Err(error),
            // Registries that do not know the API answer in many ways.
            Err(_) => {}
        }
        let list = Reference { tag: Some(tag_of(subject)), digest: None, ..repository.clone() };
        let mut known = match self.manifest(endpoint, &list) {
            Ok(raw) => entries(&raw),
            Err(RegistryError::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        if known.iter().any(|entry| entry.digest == artifact.digest) {
            return Ok(());
        }
        known.push(artifact.clone());
        let bytes = serde_json::to_vec(&Index::new(known)).expect("an index has string keys only");
        let digest = Digest::of(&bytes);
        let index = RawManifest { media_type: media_type::INDEX.to_owned(), digest, bytes };
        self.push_manifest(endpoint, &list, &index)
    }

    /// Succeeds if the registry lists referrers itself.
    fn has_referrers(
        &self,
        endpoint: &Endpoint,
        repository: &Reference,
        subject: &Digest,
    ) -> Result<(), RegistryError> {
        let request = RepositoryRequest {
            access: Access::Push,
            path: format!("referrers/{subject}"),
            headers: vec![("accept", media_type::INDEX.to_owned())],
            name: format!("{}@{subject}", repository.name()),
        };
        let bytes = self.persist(endpoint, &request, |endpoint| {
            let response = self.get(endpoint, &request)?;
            Ok(response::read(response, MAX_LIST_BYTES, &self.options.patience)?)
        })?;
        // A page for people can come with status 200 for every path.
        match Document::parse(Some(media_type::INDEX), &bytes) {
            Ok(_) => Ok(()),
            Err(error) => Err(RegistryError::BadAnswer {
                registry: endpoint.name.clone(),
                name: request.name,
                reason: error.to_string(),
            }),
        }
    }
}

/// Returns the tag under which the referrers of an image are listed: `sha256-<hex>`.
fn tag_of(subject: &Digest) -> String {
    subject.to_string().replace(':', "-")
}

/// Returns the entries of a list. Another document under its tag counts as an empty list, and is replaced.
fn entries(raw: &RawManifest) -> Vec<Descriptor> {
    match Document::parse(Some(&raw.media_type), &raw.bytes) {
        Ok(Document::Index(index)) => index.manifests,
        _ => Vec::new(),
    }
}
