//! Strict parsing of manifests and indexes: a document that could be read as both is rejected.
//!
//! If two programs read the same bytes as different kinds of document (CVE-2021-41190), one image is verified and
//! another one runs. Therefore the kind must follow from the document itself and agree with the media type that the
//! sender announced.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{ImageConfig, Index, Manifest, media_type};

/// Maximum number of layers of an image, which is more than an overlay can mount.
pub const MAX_LAYERS: usize = 1000;

/// Maximum number of entries of an index.
pub const MAX_MANIFESTS: usize = 10_000;

/// The bytes are not an image manifest, an image index or an image config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The bytes are not JSON, or a field has the wrong type.
    #[error("it cannot be read: {reason}")]
    Json {
        /// Path of the field, unless the whole document is wrong, and the message of the JSON parser.
        reason: String,
    },
    /// The document has the fields of a manifest and those of an index, or its type contradicts its fields.
    #[error("it is ambiguous: it has the fields of an image manifest and of an index")]
    Ambiguous,
    /// The document's `mediaType` differs from the type that the sender announced.
    #[error("its media type is {own:?} but it was announced as {announced:?}")]
    Disagree {
        /// Media type in the document itself.
        own: String,
        /// Media type in the descriptor or in the response header.
        announced: String,
    },
    /// The document describes something other than a container image, such as a chart or a signature.
    #[error("it is not a container image but {kind:?}")]
    Unsupported {
        /// Media type of the document.
        kind: String,
    },
    /// A list has more entries than any real document.
    #[error("it has {count} {what}, the limit is {limit}")]
    TooMany {
        /// Noun for the entries, in the plural: "layers", "manifests", "diff IDs".
        what: &'static str,
        /// Number of entries in the document.
        count: usize,
        /// Maximum number of entries: [`MAX_LAYERS`] or [`MAX_MANIFESTS`].
        limit: usize,
    },
}

/// A manifest or an index, the two documents that a name of an image can refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and each is taken apart at once")]
pub enum Document {
    /// The manifest of one image.
    Manifest(Manifest),
    /// A list of images, one for each platform.
    Index(Index),
}

impl Document {
    /// Parses a document whose sender announced the media type `announced`, in a descriptor or a response header.
    ///
    /// Generic types such as `application/json` count as no announcement.
    pub fn parse(announced: Option<&str>, bytes: &[u8]) -> Result<Self, DocumentError> {
        let value: Value = json(bytes)?;
        let is_index = is_index(announced.filter(|announced| is_specific(announced)), &value)?;
        // Parsing the bytes again, instead of converting `value`, reports duplicate keys.
        if is_index { Self::index(json(bytes)?) } else { Self::manifest(json(bytes)?) }
    }

    /// Returns the document's own media type, or OCI's type for its kind if it has none.
    pub fn media_type(&self) -> &str {
        match self {
            Self::Manifest(manifest) => manifest.media_type.as_deref().unwrap_or(media_type::MANIFEST),
            Self::Index(index) => index.media_type.as_deref().unwrap_or(media_type::INDEX),
        }
    }

    fn manifest(manifest: Manifest) -> Result<Self, DocumentError> {
        check_count("layers", manifest.layers.len(), MAX_LAYERS)?;
        Ok(Self::Manifest(manifest))
    }

    fn index(index: Index) -> Result<Self, DocumentError> {
        check_count("manifests", index.manifests.len(), MAX_MANIFESTS)?;
        Ok(Self::Index(index))
    }
}

impl ImageConfig {
    /// Parses the config that `manifest` refers to.
    ///
    /// The config of anything but an image (a chart, a signature) is [`DocumentError::Unsupported`].
    pub fn parse(manifest: &Manifest, bytes: &[u8]) -> Result<Self, DocumentError> {
        let kind = manifest.config.media_type.as_str();
        // Some old builders announce the config as plain JSON.
        if !matches!(kind, media_type::CONFIG | media_type::DOCKER_CONFIG) && is_specific(kind) {
            return Err(DocumentError::Unsupported { kind: kind.to_owned() });
        }
        let mut config: Self = json(bytes)?;
        complete_env(&mut config.config.env);
        check_count("diff IDs", config.rootfs.diff_ids.len(), MAX_LAYERS)?;
        Ok(config)
    }
}

/// Reports whether the document is an index rather than a manifest.
fn is_index(announced: Option<&str>, value: &Value) -> Result<bool, DocumentError> {
    let has = |field: &str| value.get(field).is_some_and(|value| !value.is_null());
    let has_index_fields = has("manifests");
    if has_index_fields && (has("layers") || has("config")) {
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
        None => has_index_fields,
    };
    if is_index == has_index_fields { Ok(is_index) } else { Err(DocumentError::Ambiguous) }
}

/// Reports whether `media_type` says more than that the document is some JSON or some bytes.
fn is_specific(media_type: &str) -> bool {
    !matches!(
        media_type,
        "" | "application/json" | "application/octet-stream" | "binary/octet-stream" | "text/plain"
    )
}

fn check_count(what: &'static str, count: usize, limit: usize) -> Result<(), DocumentError> {
    if count > limit { Err(DocumentError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DocumentError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| bad_field(&error))?;
    let end = deserializer.end().map_err(|error| DocumentError::Json { reason: error.to_string() });
    end.map(|()| value)
}

/// Names the field that cannot be read, as in `config.Env[1]: invalid type: ...`.
fn bad_field(error: &serde_path_to_error::Error<serde_json::Error>) -> DocumentError {
    let field = error.path().to_string();
    let reason = error.inner().to_string();
    // A dot stands for the document itself.
    let reason = if field == "." { reason } else { format!("{field}: {reason}") };
    DocumentError::Json { reason }
}

/// Turns each entry of the environment into `NAME=value`.
///
/// An entry without `=` is a variable with an empty value, and one without a name is left out: no program could read it.
///
/// Source: BuildKit, `frontend/dockerfile/dockerfile2llb`, `parseKeyValue`.
fn complete_env(env: &mut Vec<String>) {
    env.retain(|entry| !entry.is_empty() && !entry.starts_with('='));
    env.iter_mut().filter(|entry| !entry.contains('=')).for_each(|entry| entry.push('='));
}
