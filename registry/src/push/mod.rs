//! Pushing: blobs first, then the manifests that name them.
//!
//! ```text
//! upload   a blob in one request, to a place that the registry names
//! chunks   a large blob in several requests, which go on where one of them broke off
//! ```
//!
//! Source: OCI distribution specification 1.1, "Pushing a blob monolithically" (POST then PUT) and "Pushing manifests".

mod chunks;
mod upload;

use std::io::{self, Read};

use oci::{Descriptor, Reference};
use ureq::Body;
use ureq::http::Response;

use crate::auth::Access;
use crate::client::{Inner, RepositoryRequest, denied};
use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::http::failure::Failure;
use crate::http::redirect::Method;
use crate::http::response::{Answer, describe, header, is_transient, transient};
use crate::http::upload::{self as body, Upload};
use crate::{Patience, RawManifest, RegistryError};
use upload::BlobUpload;

/// Opens a blob to be read from its start; it is called once for each attempt at an upload.
pub type OpenBlob<'a> = &'a (dyn Fn() -> io::Result<Box<dyn Read + Send>> + Sync);

/// Outcome of pushing a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The repository had the blob already; nothing was sent.
    Present,
    /// The registry mounted the blob from another repository; nothing was sent.
    Mounted,
    /// The blob was sent to the repository.
    Sent,
}

/// A blob to push, and the repository that it goes to.
pub(crate) struct BlobPush<'a> {
    pub reference: &'a Reference,
    pub blob: &'a Descriptor,
    /// Repository of the same registry that has the blob; `None` if no such repository is known.
    pub mount_from: Option<&'a Reference>,
    pub open: OpenBlob<'a>,
}

impl Inner {
    /// Pushes a blob to one server, unless the repository has it.
    pub fn push_blob(&self, endpoint: &Endpoint, push: &BlobPush<'_>) -> Result<Pushed, RegistryError> {
        let BlobPush { reference, blob, mount_from, .. } = *push;
        let name = format!("{}@{}", reference.name(), blob.digest);
        let access = Access::Push;
        let request = |path| RepositoryRequest { access, path, headers: Vec::new(), name: name.clone() };
        let present = request(format!("blobs/{}", blob.digest));
        let looked = self
            .persist(endpoint, &present, |endpoint| self.fetch(Method::Head, endpoint, &present).map(drop));
        match looked {
            Ok(()) => return Ok(Pushed::Present),
            Err(RegistryError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let patience = self.options.patience.for_upload();
        if let Some(from) = mount_from.filter(|_| endpoint.repository == reference.repository) {
            let path = format!("blobs/uploads/?mount={}&from={}", blob.digest, from.repository);
            let once = Patience { attempts: 1, ..patience };
            match self.upload(endpoint, &request(path), push, once) {
                // Registries that know no mounts answer in many ways, so the blob is sent in the ordinary way.
                Err(error) if !matches!(error, RegistryError::Source { .. }) => {}
                sent => return sent,
            }
        }
        let uploads = request("blobs/uploads/".to_owned());
        if blob.size_bytes >= self.chunk_bytes().saturating_mul(2) {
            match self.upload_in_chunks(endpoint, &uploads, push, patience) {
                // Some registries take no chunks, and any can have lost the upload. It starts anew, in one request.
                Err(error) if chunks::is_refusal(&error) => {}
                sent => return sent,
            }
        }
        self.upload(endpoint, &uploads, push, patience)
    }

    /// Sends a blob in one request. An upload that breaks off starts anew.
    fn upload(
        &self,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
        push: &BlobPush<'_>,
        patience: Patience,
    ) -> Result<Pushed, RegistryError> {
        self.persist_for(patience, endpoint, request, |endpoint| {
            let upload = BlobUpload { inner: self, endpoint, request, push };
            match upload.start()? {
                Some(place) => upload.send(&place.location).map(|()| Pushed::Sent),
                None => Ok(Pushed::Mounted),
            }
        })
    }

    /// Puts a manifest to one server, under the tag of the reference, or by its digest if it has no tag.
    pub fn push_manifest(
        &self,
        endpoint: &Endpoint,
        reference: &Reference,
        manifest: &RawManifest,
    ) -> Result<(), RegistryError> {
        let digest = manifest.digest.to_string();
        let request = RepositoryRequest {
            access: Access::Push,
            path: format!("manifests/{}", reference.tag.as_ref().unwrap_or(&digest)),
            headers: vec![("content-type", manifest.media_type.clone())],
            name: reference.to_string(),
        };
        self.persist(endpoint, &request, |endpoint| {
            let response = self.put_manifest(endpoint, &request, manifest)?;
            check_digest(&response, &digest)
        })
    }

    fn put_manifest(
        &self,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
        manifest: &RawManifest,
    ) -> Result<Response<Body>, AttemptError> {
        let url = endpoint.url(&request.path);
        let agents = self.agents(endpoint);
        let answer = self.authorized(endpoint, request, |authorization| {
            let upload = Upload {
                method: "PUT",
                url: &url,
                headers: &request.headers,
                authorization,
                body: &mut &manifest.bytes[..],
                size_bytes: manifest.bytes.len() as u64,
            };
            Ok(Answer { response: body::send(&agents, upload)?, from_origin: true })
        })?;
        accepted(endpoint, request, answer.response)
    }
}

/// Turns every answer but a success into an error.
fn accepted(
    endpoint: &Endpoint,
    request: &RepositoryRequest,
    response: Response<Body>,
) -> Result<Response<Body>, AttemptError> {
    match response.status().as_u16() {
        200..=299 => Ok(response),
        status @ (401 | 403) => Err(AttemptError::Final(denied(endpoint, request, status))),
        status if is_transient(status) => Err(transient(response).into()),
        400..=499 => Err(AttemptError::Final(RegistryError::Refused {
            registry: endpoint.name.clone(),
            name: request.name.clone(),
            reason: describe(response),
        })),
        _ => Err(Failure::bad(describe(response)).into()),
    }
}

/// Checks that the server took the bytes that it was sent, if it says which bytes it took.
fn check_digest(response: &Response<Body>, expected: &str) -> Result<(), AttemptError> {
    match header(response.headers(), "docker-content-digest") {
        Some(digest) if digest != expected => {
            Err(Failure::bad(format!("it was sent {expected}, but took {digest:?}")).into())
        }
        _ => Ok(()),
    }
}
