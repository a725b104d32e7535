//! Pull of a manifest or index, and the check of its digest and type.
//!
//! Source: OCI distribution specification 1.1, "Pulling manifests".

use oci::{Digest, Document, Reference, media_type};

use crate::auth::Access;
use crate::client::{Inner, RepositoryRequest};
use crate::endpoint::Endpoint;
use crate::http::response::{self, header};
use crate::{RawManifest, RegistryError};

/// Largest manifest or index that is taken; registries refuse larger ones.
const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// A manifest as it came, with what the server says about it.
struct Received {
    content_type: Option<String>,
    digest: Option<String>,
    bytes: Vec<u8>,
}

impl Inner {
    /// Asks one server for a manifest or index: by its digest where the reference has one, else by its tag.
    pub fn manifest(&self, endpoint: &Endpoint, reference: &Reference) -> Result<RawManifest, RegistryError> {
        let version = match (&reference.digest, &reference.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        };
        let request = RepositoryRequest {
            access: Access::Pull,
            path: format!("manifests/{version}"),
            headers: vec![("accept", accepted_types())],
            name: reference.to_string(),
        };
        let received = self.persist(endpoint, &request, |endpoint| {
            let response = self.get(endpoint, &request)?;
            let text = |name| header(response.headers(), name).map(str::to_owned);
            let (content_type, digest) = (text("content-type"), text("docker-content-digest"));
            let bytes = response::read(response, MAX_MANIFEST_BYTES, &self.options.patience)?;
            Ok(Received { content_type, digest, bytes })
        })?;
        checked(reference, received).map_err(|reason| RegistryError::BadAnswer {
            registry: endpoint.name.clone(),
            name: request.name.clone(),
            reason,
        })
    }
}

/// Returns the types that are read, for `Accept`.
fn accepted_types() -> String {
    [media_type::INDEX, media_type::MANIFEST, media_type::DOCKER_INDEX, media_type::DOCKER_MANIFEST]
        .join(", ")
}

/// Checks everything about a manifest that can be checked without its parts. Its identity is the digest of its bytes.
fn checked(reference: &Reference, received: Received) -> Result<RawManifest, String> {
    let Received { content_type, digest: announced, bytes } = received;
    let digest = Digest::of(&bytes);
    let announced = announced.and_then(|text| text.parse::<Digest>().ok());
    if let Some(expected) = reference.digest.or(announced).filter(|expected| *expected != digest) {
        return Err(format!("{expected} was expected, but the content has {digest}"));
    }
    let content_type = content_type.as_deref().map(essence);
    let document = Document::parse(content_type.as_deref(), &bytes).map_err(|error| error.to_string())?;
    Ok(RawManifest { media_type: document.media_type().to_owned(), digest, bytes })
}

/// Returns a media type without its parameters.
pub fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
