//! Rules that hold between the documents of one image.
//!
//! Every image is checked against them before it is exported, and every base image before a build uses it.

use crate::{ImageConfig, Manifest, media_type};

/// A rule that an image violates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidImage {
    /// The manifest's `schemaVersion` is not 2.
    #[error("schemaVersion is {found}, not 2")]
    SchemaVersion {
        /// Version in the manifest.
        found: u32,
    },
    /// The media type of a layer is not that of a readable layer.
    #[error("layer {index} has the unknown media type {media_type:?}")]
    LayerType {
        /// Position of the layer; the base layer is 0.
        index: usize,
        /// Media type of the layer.
        media_type: String,
    },
    /// Manifest and config differ in the number of layers.
    #[error("the manifest has {manifest} layers and the config {config} diff IDs")]
    LayerCount {
        /// Number of layers in the manifest.
        manifest: usize,
        /// Number of diff IDs in the config.
        config: usize,
    },
    /// The history has entries for another number of layers than the image has.
    #[error("the history has {history} entries with a layer, the image {layers} layers")]
    History {
        /// Number of history entries that are not marked `empty_layer`.
        history: usize,
        /// Number of diff IDs in the config.
        layers: usize,
    },
    /// The config's `os` or `architecture` is empty.
    #[error("the config names no platform")]
    Platform,
    /// An entry of the config's `Env` is not `NAME=value`.
    #[error("the environment entry {entry:?} is not NAME=value")]
    Env {
        /// Text of the entry.
        entry: String,
    },
}

/// Checks that `manifest` and `config` are complete and agree with each other, before an image leaves.
///
/// Source: OCI image-spec v1.1, manifest.md and config.md.
pub fn image(manifest: &Manifest, config: &ImageConfig) -> Result<(), InvalidImage> {
    base(manifest, config)?;
    let layers = config.rootfs.diff_ids.len();
    let history = config.history.iter().filter(|entry| !entry.empty_layer).count();
    if !config.history.is_empty() && history != layers {
        return Err(InvalidImage::History { history, layers });
    }
    if config.platform.os.is_empty() || config.platform.architecture.is_empty() {
        return Err(InvalidImage::Platform);
    }
    match config.config.env.iter().find(|entry| !entry.contains('=') || entry.starts_with('=')) {
        Some(entry) => Err(InvalidImage::Env { entry: entry.clone() }),
        None => Ok(()),
    }
}

/// Checks the rules without which a base image cannot be used: its layers are readable, and each has a diff ID.
///
/// The other rules of [`image`] are about what dsbuild writes itself: many builders leave the history, the platform or
/// the environment incomplete, and docker takes their images.
pub fn base(manifest: &Manifest, config: &ImageConfig) -> Result<(), InvalidImage> {
    if manifest.schema_version != 2 {
        return Err(InvalidImage::SchemaVersion { found: manifest.schema_version });
    }
    for (index, layer) in manifest.layers.iter().enumerate() {
        if media_type::layer_compression(&layer.media_type).is_none() {
            return Err(InvalidImage::LayerType { index, media_type: layer.media_type.clone() });
        }
    }
    let layers = config.rootfs.diff_ids.len();
    if manifest.layers.len() == layers {
        Ok(())
    } else {
        Err(InvalidImage::LayerCount { manifest: manifest.layers.len(), config: layers })
    }
}
