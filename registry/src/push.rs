//! Images to a registry: blobs first, then the manifests that name them.
//!
//! A blob goes up in one request, to a place that the registry names. One that breaks off starts anew.
//!
//! Source: OCI distribution specification 1.1, "Pushing a blob monolithically" (POST then PUT) and "Pushing manifests".

use std::io::{self, Read};

use oci::{Descriptor, Reference};
use ureq::Body;
use ureq::http::Response;

use crate::client::{Access, Inner, Stop, Wanted, denied};
use crate::endpoint::Endpoint;
use crate::http::request::{self as http, Answer, Failure, Fetch, Upload};
use crate::http::url::Url;
use crate::{RawManifest, RegistryError};

/// Opens a blob to be read from its start.
pub type OpenBlob<'a> = &'a (dyn Fn() -> io::Result<Box<dyn Read + Send>> + Sync);

/// How a blob came to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was there.
    Present,
    /// It was sent.
    Sent,
}

impl Inner {
    /// Brings a blob to one server.
    pub fn push_blob(
        &self,
        endpoint: &Endpoint,
        reference: &Reference,
        blob: &Descriptor,
        open: OpenBlob<'_>,
    ) -> Result<Pushed, RegistryError> {
        let name = format!("{}@{}", reference.name(), blob.digest);
        let wanted =
            |what| Wanted { reference, access: Access::Push, what, headers: Vec::new(), name: name.clone() };
        let there = wanted(format!("blobs/{}", blob.digest));
        match self.persist(endpoint, &there, || self.fetch(Fetch::Head, endpoint, &there).map(drop)) {
            Ok(()) => return Ok(Pushed::Present),
            Err(RegistryError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let uploads = wanted("blobs/uploads/".to_owned());
        self.persist(endpoint, &uploads, || {
            let place = self.upload_place(endpoint, &uploads, blob)?;
            self.upload(endpoint, &uploads, &place, blob, open)
        })?;
        Ok(Pushed::Sent)
    }

    /// Asks where a blob may be sent.
    fn upload_place(&self, endpoint: &Endpoint, wanted: &Wanted<'_>, blob: &Descriptor) -> Result<Url, Stop> {
        let url = endpoint.url(&wanted.reference.repository, &wanted.what);
        let answer = self.authorized(endpoint, wanted, |authorization| {
            let (method, headers, body) = ("POST", &[], &mut io::empty());
            let upload = Upload { method, url: &url, headers, authorization, body, size_bytes: 0 };
            Ok(Answer { response: self.http.send(upload)?, from_origin: true })
        })?;
        let response = accepted(endpoint, wanted, answer.response)?;
        let location = http::header(response.headers(), "location").unwrap_or_default();
        let place =
            Some(location).filter(|location| !location.is_empty()).and_then(|location| url.join(location));
        let place = place.filter(|place| endpoint.origin.may_lead_to(&place.origin));
        let mut place = place
            .ok_or_else(|| Failure::Bad { reason: format!("it sends a blob's bytes to {location:?}") })?;
        let separator = if place.path.contains('?') { '&' } else { '?' };
        place.path.push_str(&format!("{separator}digest={}", blob.digest));
        Ok(place)
    }

    /// Sends a blob.
    fn upload(
        &self,
        endpoint: &Endpoint,
        wanted: &Wanted<'_>,
        place: &Url,
        blob: &Descriptor,
        open: OpenBlob<'_>,
    ) -> Result<(), Stop> {
        let from_origin = place.origin == endpoint.origin;
        let unreadable = |error: &io::Error| {
            Stop::Final(RegistryError::Source { name: wanted.name.clone(), reason: error.to_string() })
        };
        let headers = &[("content-type", "application/octet-stream".to_owned())];
        let answer = self.authorized(endpoint, wanted, |authorization| {
            let mut source = Source { inner: open().map_err(|error| unreadable(&error))?, failure: None };
            let response = self.http.send(Upload {
                method: "PUT",
                url: place,
                headers,
                authorization: authorization.filter(|_| from_origin),
                body: &mut source,
                size_bytes: blob.size_bytes,
            });
            match source.failure {
                Some(error) => Err(unreadable(&error)),
                None => Ok(Answer { response: response?, from_origin }),
            }
        })?;
        let response = accepted(endpoint, wanted, answer.response)?;
        has_digest(&response, &blob.digest.to_string())
    }

    /// Puts a manifest to one server.
    pub fn push_manifest(
        &self,
        endpoint: &Endpoint,
        reference: &Reference,
        manifest: &RawManifest,
    ) -> Result<(), RegistryError> {
        let digest = manifest.digest.to_string();
        let wanted = Wanted {
            reference,
            access: Access::Push,
            what: format!("manifests/{}", reference.tag.as_ref().unwrap_or(&digest)),
            headers: vec![("content-type", manifest.media_type.clone())],
            name: reference.to_string(),
        };
        let url = endpoint.url(&reference.repository, &wanted.what);
        self.persist(endpoint, &wanted, || {
            let answer = self.authorized(endpoint, &wanted, |authorization| {
                let response = self.http.send(Upload {
                    method: "PUT",
                    url: &url,
                    headers: &wanted.headers,
                    authorization,
                    body: &mut &manifest.bytes[..],
                    size_bytes: manifest.bytes.len() as u64,
                })?;
                Ok(Answer { response, from_origin: true })
            })?;
            let response = accepted(endpoint, &wanted, answer.response)?;
            has_digest(&response, &digest)
        })
    }
}

/// A blob that is being sent: tells its own failures from those of the connection.
struct Source {
    inner: Box<dyn Read + Send>,
    failure: Option<io::Error>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failure = Some(io::Error::new(error.kind(), error.to_string()));
            }
        })
    }
}

/// Turns what is no success into an error.
fn accepted(
    endpoint: &Endpoint,
    wanted: &Wanted<'_>,
    response: Response<Body>,
) -> Result<Response<Body>, Stop> {
    match response.status().as_u16() {
        200..=299 => Ok(response),
        status @ (401 | 403) => Err(Stop::Final(denied(endpoint, wanted, status))),
        status if http::is_transient(status) => Err(http::transient(response).into()),
        400..=499 => Err(Stop::Final(RegistryError::Refused {
            registry: endpoint.login.clone(),
            name: wanted.name.clone(),
            reason: http::describe(response),
        })),
        _ => Err(Failure::Bad { reason: http::describe(response) }.into()),
    }
}

/// Checks that the server took what it was sent, where it says what it took.
fn has_digest(response: &Response<Body>, expected: &str) -> Result<(), Stop> {
    match http::header(response.headers(), "docker-content-digest") {
        Some(digest) if digest != expected => {
            Err(Failure::Bad { reason: format!("it was sent {expected}, but took {digest:?}") }.into())
        }
        _ => Ok(()),
    }
}
