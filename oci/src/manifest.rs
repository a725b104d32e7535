//! Manifests and indexes, and the descriptors that they are made of.
//!
//! Source: OCI image-spec v1.1, descriptor.md, manifest.md and image-index.md.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{null_as_default, null_values};
use crate::{Digest, Platform, media_type};

/// A reference to a blob by media type, digest and size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the blob, as in [`media_type`].
    pub media_type: String,
    /// Digest of the blob, which is also its name.
    pub digest: Digest,
    /// Size of the blob in bytes.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// Platform of the image that the blob describes; only in entries of an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Free-form metadata by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_values")]
    pub annotations: BTreeMap<String, String>,
    /// Fields unknown to this crate, kept as they are.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Descriptor {
    /// Creates a descriptor without a platform and annotations.
    pub fn new(media_type: &str, digest: Digest, size_bytes: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size_bytes,
            platform: None,
            annotations: BTreeMap::new(),
            extra: BTreeMap::new(),
        }
    }
}

/// The manifest of one image: its config and its layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of the manifest schema, always 2.
    pub schema_version: u32,
    /// Media type of the manifest itself; some builders omit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Descriptor of the image config.
    pub config: Descriptor,
    /// Descriptors of the layers, from the base layer up.
    #[serde(deserialize_with = "null_as_default")]
    pub layers: Vec<Descriptor>,
    /// Free-form metadata by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_values")]
    pub annotations: BTreeMap<String, String>,
    /// Fields unknown to this crate, kept as they are.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Manifest {
    /// Creates an OCI image manifest without annotations.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::MANIFEST.to_owned()),
            config,
            layers,
            annotations: BTreeMap::new(),
            extra: BTreeMap::new(),
        }
    }
}

/// A list of manifests: one for each platform of an image, or one for each image of a layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Version of the index schema, always 2.
    pub schema_version: u32,
    /// Media type of the index itself; some builders omit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Descriptors of manifests or of further indexes.
    #[serde(deserialize_with = "null_as_default")]
    pub manifests: Vec<Descriptor>,
    /// Free-form metadata by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_values")]
    pub annotations: BTreeMap<String, String>,
    /// Fields unknown to this crate, kept as they are.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Index {
    /// Creates an OCI image index without annotations.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::INDEX.to_owned()),
            manifests,
            annotations: BTreeMap::new(),
            extra: BTreeMap::new(),
        }
    }
}
