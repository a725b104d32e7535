//! The rules between the documents of one image; every export test ends here.

use crate::{ImageConfig, Manifest, media_type};

/// A rule that an image breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidImage {
    /// `schemaVersion` is not 2.
    #[error("schemaVersion is {found}, not 2")]
    SchemaVersion {
        /// What it is.
        found: u32,
    },
    /// A layer's media type is none that we know.
    #[error("layer {index} has the unknown media type {media_type:?}")]
    LayerType {
        /// Which layer, from the base up.
        index: usize,
        /// Its type.
        media_type: String,
    },
    /// The config lists another number of layers than the manifest.
    #[error("the manifest has {manifest} layers and the config {config} diff IDs")]
    LayerCount {
        /// Layers of the manifest.
        manifest: usize,
        /// Diff IDs of the config.
        config: usize,
    },
    /// The history tells of another number of layers than there are.
    #[error("the history has {history} entries with a layer, the image {layers} layers")]
    History {
        /// Entries that are not `empty_layer`.
        history: usize,
        /// Layers of the config.
        layers: usize,
    },
    /// `os` or `architecture` is empty.
    #[error("the config names no platform")]
    Platform,
    /// An entry of `Env` is not `NAME=value`.
    #[error("the environment entry {entry:?} is not NAME=value")]
    Env {
        /// The entry.
        entry: String,
    },
}

/// Checks that `manifest` and `config` agree and are complete.
///
/// Source: OCI image-spec v1.1, manifest.md and config.md.
pub fn image(manifest: &Manifest, config: &ImageConfig) -> Result<(), InvalidImage> {
    base(manifest, config)?;
    let layers = config.rootfs.diff_ids.len();
    let history = config.history.iter().filter(|entry| !entry.empty_layer).count();
    if !config.history.is_empty() && history != layers {
        return Err(InvalidImage::History { history, layers });
    }
    Ok(())
}

/// Checks what an image must keep to for others to be built on it: all of [`image`] but the history, which some
/// builders leave incomplete.
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
    if manifest.layers.len() != layers {
        return Err(InvalidImage::LayerCount { manifest: manifest.layers.len(), config: layers });
    }
    if config.platform.os.is_empty() || config.platform.architecture.is_empty() {
        return Err(InvalidImage::Platform);
    }
    match config.config.env.iter().find(|entry| !entry.contains('=') || entry.starts_with('=')) {
        Some(entry) => Err(InvalidImage::Env { entry: entry.clone() }),
        None => Ok(()),
    }
}
