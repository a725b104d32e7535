//! Image that the faulty registry serves: documents and blobs in memory, and the ways to change them consistently.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::SweepError;
use crate::world::{World, program};

/// Media type of an OCI manifest.
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image with one manifest.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// Body of the manifest, for every tag and digest.
    pub manifest: Vec<u8>,
    /// Content-Type of the manifest.
    pub media_type: String,
    /// Blobs by digest, with `sha256:`.
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// Digest of the configuration.
    pub config: String,
    /// Digest of the largest layer.
    pub layer: String,
}

impl Image {
    /// Exports the image of the world with layers that are compressed with gzip.
    pub fn export(world: &World) -> Result<Self, SweepError> {
        let [archive, dir] = ["registry.oci.tar", "registry.oci"].map(|name| world.dir.join(name));
        let output = format!("type=oci,compression=gzip,dest={}", archive.display());
        world.build_with(&world.built, 0, ["-o", &output]).expect_success()?;
        fs::create_dir_all(&dir).map_err(SweepError::at(&dir))?;
        program("tar", &["-xf", &archive.display().to_string(), "-C", &dir.display().to_string()])?;
        Self::read(&dir)
    }

    /// Reads an OCI layout.
    fn read(dir: &Path) -> Result<Self, SweepError> {
        let blobs_dir = dir.join("blobs/sha256");
        let mut blobs = BTreeMap::new();
        for entry in fs::read_dir(&blobs_dir).map_err(SweepError::at(&blobs_dir))? {
            let path = entry.map_err(SweepError::at(&blobs_dir))?.path();
            let bytes = fs::read(&path).map_err(SweepError::at(&path))?;
            blobs.insert(digest(&bytes), bytes);
        }
        let index = document(&fs::read(dir.join("index.json")).map_err(SweepError::at(dir))?);
        let manifest = blobs.get(text(&index["manifests"][0]["digest"])).cloned().unwrap_or_default();
        let (config, layer) = parts(&document(&manifest), &blobs);
        Ok(Self { manifest, media_type: MANIFEST_TYPE.to_owned(), blobs, config, layer })
    }

    /// Returns the image with another manifest.
    pub fn with_manifest(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut manifest = document(&self.manifest);
        change(&mut manifest);
        Self { manifest: manifest.to_string().into_bytes(), ..self.clone() }
    }

    /// Returns the image with other bytes as its manifest.
    pub fn with_manifest_bytes(&self, manifest: impl Into<Vec<u8>>, media_type: &str) -> Self {
        Self { manifest: manifest.into(), media_type: media_type.to_owned(), ..self.clone() }
    }

    /// Returns the image with another configuration, to whose digest the manifest leads.
    pub fn with_config(&self, bytes: Vec<u8>) -> Self {
        let (config, size) = (digest(&bytes), bytes.len());
        let mut image = self.with_manifest(|manifest| {
            manifest["config"]["digest"] = config.clone().into();
            manifest["config"]["size"] = size.into();
        });
        image.blobs.insert(config.clone(), bytes);
        Self { config, ..image }
    }

    /// Returns the image with a changed configuration.
    pub fn with_changed_config(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut config = document(&self.blobs[&self.config]);
        change(&mut config);
        self.with_config(config.to_string().into_bytes())
    }

    /// Returns the image with another first layer, to whose digest the manifest leads. The diff IDs stay.
    pub fn with_layer(&self, bytes: Vec<u8>) -> Self {
        let (layer, size) = (digest(&bytes), bytes.len());
        let mut image = self.with_manifest(|manifest| {
            manifest["layers"][0]["digest"] = layer.clone().into();
            manifest["layers"][0]["size"] = size.into();
        });
        image.blobs.insert(layer.clone(), bytes);
        Self { layer, ..image }
    }
}

/// Returns the digest of bytes, with `sha256:`.
pub fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Parses a document of the binary under test; anything else reads as `null`, which no manifest leads to.
fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns the digests of the configuration and of the first layer, which is the base image and the largest.
fn parts(manifest: &Value, blobs: &BTreeMap<String, Vec<u8>>) -> (String, String) {
    let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
    let size = |layer: &Value| blobs.get(text(&layer["digest"])).map_or(0, Vec::len);
    let largest =
        layers.iter().max_by_key(|layer| size(layer)).map(|layer| text(&layer["digest"]).to_owned());
    (text(&manifest["config"]["digest"]).to_owned(), largest.unwrap_or_default())
}
