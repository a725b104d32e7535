//! Pushing: blobs first, then the manifests that name them.
//!
//! A blob goes up in one request, to a place that the registry names. An upload that breaks off starts anew.
//!
//! Source: OCI distribution specification 1.1, "Pushing a blob monolithically" (POST then PUT) and "Pushing manifests".

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
use crate::http::upload::{self, Upload};
use crate::http::url::Url;
use crate::{Patience, RawManifest, RegistryError};

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
        let BlobPush { reference, blob, mount_from, open } = *push;
        let name = format!("{}@{}", reference.name(), blob.digest);
        let access = Access::Push;
        let request =
            |path| RepositoryRequest { reference, access, path, headers: Vec::new(), name: name.clone() };
        let present = request(format!("blobs/{}", blob.digest));
        let looked = self
            .persist(endpoint, &present, |endpoint| self.fetch(Method::Head, endpoint, &present).map(drop));
        match looked {
            Ok(()) => return Ok(Pushed::Present),
            Err(RegistryError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let patience = self.options.patience.for_upload();
        let send = |path: String, patience: Patience| {
            let uploads = request(path);
            self.persist_for(patience, endpoint, &uploads, |endpoint| {
                let upload = BlobUpload { inner: self, endpoint, request: &uploads, blob };
                match upload.start()? {
                    Some(location) => upload.send(&location, open).map(|()| Pushed::Sent),
                    None => Ok(Pushed::Mounted),
                }
            })
        };
        if let Some(from) = mount_from {
            let once = Patience { attempts: 1, ..patience };
            match send(format!("blobs/uploads/?mount={}&from={}", blob.digest, from.repository), once) {
                // Registries that know no mounts answer in many ways, so the blob is sent in the ordinary way.
                Err(error) if !matches!(error, RegistryError::Source { .. }) => {}
                sent => return sent,
            }
        }
        send("blobs/uploads/".to_owned(), patience)
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
            reference,
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
        request: &RepositoryRequest<'_>,
        manifest: &RawManifest,
    ) -> Result<Response<Body>, AttemptError> {
        let url = endpoint.url(&request.reference.repository, &request.path);
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
            Ok(Answer { response: upload::send(&agents, upload)?, from_origin: true })
        })?;
        accepted(endpoint, request, answer.response)
    }
}

/// One attempt at pushing a blob.
struct BlobUpload<'a> {
    inner: &'a Inner,
    endpoint: &'a Endpoint,
    request: &'a RepositoryRequest<'a>,
    blob: &'a Descriptor,
}

impl BlobUpload<'_> {
    /// Asks where the blob can be sent. Returns `None` if the registry has mounted it instead.
    fn start(&self) -> Result<Option<Url>, AttemptError> {
        let url = self.endpoint.url(&self.request.reference.repository, &self.request.path);
        let agents = self.inner.agents(self.endpoint);
        let answer = self.inner.authorized(self.endpoint, self.request, |authorization| {
            let (method, headers, body) = ("POST", &[], &mut io::empty());
            let upload = Upload { method, url: &url, headers, authorization, body, size_bytes: 0 };
            Ok(Answer { response: upload::send(&agents, upload)?, from_origin: true })
        })?;
        let response = accepted(self.endpoint, self.request, answer.response)?;
        if response.status().as_u16() == 201 {
            return Ok(None);
        }
        let location = header(response.headers(), "location").unwrap_or_default();
        let target = Some(location).filter(|location| !location.is_empty());
        let target = target.and_then(|location| url.join(location));
        let mut target = target
            .filter(|target| self.endpoint.origin.may_lead_to(&target.origin))
            .ok_or_else(|| Failure::bad(format!("it sends a blob's bytes to {location:?}")))?;
        let separator = if target.path.contains('?') { '&' } else { '?' };
        target.path.push_str(&format!("{separator}digest={}", self.blob.digest));
        Ok(Some(target))
    }

    /// Sends the blob to `location`; only a server that is the registry itself is shown the login.
    fn send(&self, location: &Url, open: OpenBlob<'_>) -> Result<(), AttemptError> {
        let from_origin = location.origin == self.endpoint.origin;
        let headers = &[("content-type", "application/octet-stream".to_owned())];
        let agents = self.inner.agents(self.endpoint);
        let answer = self.inner.authorized(self.endpoint, self.request, |authorization| {
            let inner = open().map_err(|error| self.unreadable(&error))?;
            let mut source = Source { inner, failure: None };
            let upload = Upload {
                method: "PUT",
                url: location,
                headers,
                authorization: authorization.filter(|_| from_origin),
                body: &mut source,
                size_bytes: self.blob.size_bytes,
            };
            let response = upload::send(&agents, upload);
            match source.failure {
                Some(error) => Err(self.unreadable(&error)),
                None => Ok(Answer { response: response?, from_origin }),
            }
        })?;
        let response = accepted(self.endpoint, self.request, answer.response)?;
        check_digest(&response, &self.blob.digest.to_string())
    }

    fn unreadable(&self, error: &io::Error) -> AttemptError {
        let (name, reason) = (self.request.name.clone(), error.to_string());
        AttemptError::Final(RegistryError::Source { name, reason })
    }
}

/// A blob that is being sent. It keeps its own failure, which is not one of the connection.
struct Source {
    inner: Box<dyn Read + Send>,
    failure: Option<io::Error>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The HTTP client does not repeat a read that was interrupted.
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(io::Error::new(error.kind(), error.to_string()));
                    return Err(error);
                }
                Ok(count) => return Ok(count),
            }
        }
    }
}

/// Turns every answer but a success into an error.
fn accepted(
    endpoint: &Endpoint,
    request: &RepositoryRequest<'_>,
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
