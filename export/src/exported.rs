//! The outcome of an export, for `--iidfile` and `--metadata-file`.

use oci::{Descriptor, Digest, Reference};
use serde_json::{Map, Value};

/// Digests and names of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Descriptor of the manifest or index; `None` for an output that is no image.
    pub descriptor: Option<Descriptor>,
    /// Digest of the config; `None` for an image of several platforms.
    pub config_digest: Option<Digest>,
    /// Names that the image got.
    pub names: Vec<Reference>,
}

impl Exported {
    /// Returns the content of `--iidfile`: the digest of the config, or of the index for several platforms.
    pub fn image_id(&self) -> Option<Digest> {
        self.config_digest.or(self.descriptor.as_ref().map(|descriptor| descriptor.digest))
    }

    /// Returns the content of `--metadata-file`.
    ///
    /// Source: BuildKit, `exporter/containerimage/exptypes`.
    pub fn metadata(&self) -> Map<String, Value> {
        let mut metadata = Map::new();
        if let Some(digest) = &self.config_digest {
            metadata.insert("containerimage.config.digest".to_owned(), digest.to_string().into());
        }
        if let Some(descriptor) = &self.descriptor {
            let value = serde_json::to_value(descriptor).expect("a descriptor has string keys only");
            metadata.insert("containerimage.descriptor".to_owned(), value);
            metadata.insert("containerimage.digest".to_owned(), descriptor.digest.to_string().into());
        }
        if !self.names.is_empty() {
            let names: Vec<String> = self.names.iter().map(Reference::to_string).collect();
            metadata.insert("image.name".to_owned(), names.join(",").into());
        }
        metadata
    }
}
