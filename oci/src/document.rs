//! Telling manifests from indexes, strictly: a document that could be read as both is neither.
//!
//! Two readers that take the same bytes for different things (CVE-2021-41190) would verify one image and run
//! another, so the kind must follow from the document and agree with what the sender called it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{ImageConfig, Index, Manifest, media_type};

/// The most layers an image may have; more than any that can be mounted.
pub const MAX_LAYERS: usize = 1000;

/// The most entries an index may have.
pub const MAX_MANIFESTS: usize = 10_000;

/// A document that is no image and no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// No JSON, or a field of the wrong type.
    #[error("it cannot be read: {reason}")]
    Json {
        /// The reader's words.
        reason: String,
    },
    /// It has the fields of a manifest and of an index.
    #[error("it is ambiguous: it has the fields of an image manifest and of an index")]
    Ambiguous,
    /// Its `mediaType` is not what the sender said.
    #[error("its media type is {own:?} but it was announced as {announced:?}")]
    Disagree {
        /// By itself.
        own: String,
        /// By a descriptor or a header.
        announced: String,
    },
    /// Something else than an image.
    #[error("it is no container image but {kind:?}")]
    Unsupported {
        /// What it is.
        kind: String,
    },
    /// A list is longer than any real one.
    #[error("it has {count} {what}, more than {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many may be.
        limit: usize,
    },
}

/// A manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there are never many, and they are taken apart at once")]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// Several.
    Index(Index),
}

impl Document {
    /// Reads a document that was announced as `announced`: the media type of a descriptor or the header of an
    /// answer. A type that says nothing (`application/json`) counts as none.
    pub fn parse(announced: Option<&str>, bytes: &[u8]) -> Result<Self, DocumentError> {
        let value: Value = json(bytes)?;
        let is_index = kind(announced.filter(|announced| is_telling(announced)), &value)?;
        // From the bytes again, not from the value: only so are duplicate keys found.
        if is_index { Self::index(json(bytes)?) } else { Self::manifest(json(bytes)?) }
    }

    /// Its media type, which is OCI's where it names none.
    pub fn media_type(&self) -> &str {
        match self {
            Self::Manifest(manifest) => manifest.media_type.as_deref().unwrap_or(media_type::MANIFEST),
            Self::Index(index) => index.media_type.as_deref().unwrap_or(media_type::INDEX),
        }
    }

    fn manifest(manifest: Manifest) -> Result<Self, DocumentError> {
        at_most(MAX_LAYERS, "layers", manifest.layers.len())?;
        Ok(Self::Manifest(manifest))
    }

    fn index(index: Index) -> Result<Self, DocumentError> {
        at_most(MAX_MANIFESTS, "manifests", index.manifests.len())?;
        Ok(Self::Index(index))
    }
}

impl ImageConfig {
    /// Reads the config that `manifest` names. The config of something else than an image (a chart, a signature)
    /// is [`DocumentError::Unsupported`].
    pub fn parse(manifest: &Manifest, bytes: &[u8]) -> Result<Self, DocumentError> {
        let kind = manifest.config.media_type.as_str();
        // Some builders of old announce the config as plain JSON.
        if !matches!(kind, media_type::CONFIG | media_type::DOCKER_CONFIG) && is_telling(kind) {
            return Err(DocumentError::Unsupported { kind: kind.to_owned() });
        }
        let config: Self = json(bytes)?;
        at_most(MAX_LAYERS, "diff IDs", config.rootfs.diff_ids.len())?;
        Ok(config)
    }
}

/// Whether the document is an index.
fn kind(announced: Option<&str>, value: &Value) -> Result<bool, DocumentError> {
    let has = |field: &str| value.get(field).is_some_and(|value| !value.is_null());
    let looks_index = has("manifests");
    if looks_index && (has("layers") || has("config")) {
        return Err(DocumentError::Ambiguous);
    }
    let own = value.get("mediaType").and_then(Value::as_str);
    if let (Some(own), Some(announced)) = (own, announced)
        && own != announced
    {
        return Err(DocumentError::Disagree { own: own.to_owned(), announced: announced.to_owned() });
    }
    let is_index = match own.or(announced) {
        Some(name) if media_type::is_index(name) => true,
        Some(name) if media_type::is_manifest(name) => false,
        Some(name) => return Err(DocumentError::Unsupported { kind: name.to_owned() }),
        None => looks_index,
    };
    if is_index == looks_index { Ok(is_index) } else { Err(DocumentError::Ambiguous) }
}

/// False for types that any JSON may have.
fn is_telling(media_type: &str) -> bool {
    !matches!(
        media_type,
        "" | "application/json" | "application/octet-stream" | "binary/octet-stream" | "text/plain"
    )
}

fn at_most(limit: usize, what: &'static str, count: usize) -> Result<(), DocumentError> {
    if count > limit { Err(DocumentError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DocumentError> {
    serde_json::from_slice(bytes).map_err(|error| DocumentError::Json { reason: error.to_string() })
}
