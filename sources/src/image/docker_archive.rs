//! What `docker save` wrote before it wrote OCI layouts: `manifest.json`, configs, and the tars of layers.
//!
//! An archive can leave the name of a layer empty, as those of Cloud Native Buildpacks do for layers that the daemon has or
//! that are empty. Such a layer must be in the store, or its tar must be one without entries.

use std::path::{Path, PathBuf};

use images::{CONFIG_LIMIT_BYTES, Image, ImageError, MANIFEST_LIMIT_BYTES};
use oci::{Descriptor, DiffId, Digest, ImageConfig, Manifest, Platform, Reference, media_type};
use rootfs::layers::Layers;
use serde::Deserialize;

use super::adopt::{Stored, adopt};
use super::archive::Archive;
use super::error::SourceError;
use super::unpack;

/// Sizes of tars without entries: two blocks of zeros, and those padded to a record as GNU tar writes it.
const EMPTY_TAR_BYTES: [usize; 2] = [1024, 10_240];

/// An entry of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DockerImage {
    config: PathBuf,
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<PathBuf>>,
}

/// Returns the images that `manifest.json` lists.
///
/// Returns `None` if the file is something else: a root file system can have one, too.
pub(super) fn images(archive: &Archive) -> Result<Option<Vec<DockerImage>>, SourceError> {
    if !archive.has("manifest.json") {
        return Ok(None);
    }
    let text = archive.read(Path::new("manifest.json"), MANIFEST_LIMIT_BYTES)?;
    let Ok(images) = serde_json::from_slice::<Vec<DockerImage>>(&text) else { return Ok(None) };
    Ok((!images.is_empty()).then_some(images))
}

impl DockerImage {
    /// Returns the names that the archive gives to the image.
    pub fn names(&self) -> Vec<Reference> {
        self.repo_tags.iter().flatten().filter_map(|name| name.parse().ok()).collect()
    }

    /// Imports the config and the layers of the image.
    pub fn import(&self, layers: &Layers, archive: &Archive) -> Result<Stored, SourceError> {
        let store = layers.store();
        let text = archive.read(&self.config, CONFIG_LIMIT_BYTES)?;
        let digest = store.put_blob(&text)?;
        let config = Descriptor::new(media_type::CONFIG, digest, text.len() as u64);
        let mut manifest = Manifest::new(config, Vec::new());
        let bad_config = |source| ImageError::Document { kind: "image config", digest, source };
        let mut config = ImageConfig::parse(&manifest, &text).map_err(bad_config)?;
        config.platform = config.platform.or(&Platform::host());
        let paths = self.layers.as_deref().unwrap_or_default();
        for (path, diff) in paths.iter().zip(&config.rootfs.diff_ids) {
            import_layer(layers, archive, path, *diff)
                .map_err(|error| SourceError::Layer { digest: diff.0, source: Box::new(error) })?;
        }
        // The check below compares the number of layers in the archive with that in the config.
        manifest.layers = paths.iter().map(|_| Descriptor::new(media_type::LAYER_TAR, digest, 0)).collect();
        oci::validate::base(&manifest, &config).map_err(|source| ImageError::Invalid { digest, source })?;
        let image = Image { descriptor: manifest.config.clone(), manifest, config };
        adopt(store, &image)
    }
}

/// Imports the layer at `path` of the archive, unless the store has it.
fn import_layer(layers: &Layers, archive: &Archive, path: &Path, diff: DiffId) -> Result<(), SourceError> {
    if path.as_os_str().is_empty() {
        return import_unnamed(layers, archive, diff);
    }
    let part = archive.member(path)?;
    if !layers.contains(&diff)? {
        let size_bytes = part.size_bytes();
        unpack::import(layers, part, size_bytes, Some(diff))?;
    }
    Ok(())
}

/// Imports a layer without a file in the archive, which must be an empty one or in the store.
fn import_unnamed(layers: &Layers, archive: &Archive, diff: DiffId) -> Result<(), SourceError> {
    if layers.contains(&diff)? {
        return Ok(());
    }
    let empty = EMPTY_TAR_BYTES.map(|size_bytes| vec![0; size_bytes]);
    match empty.iter().find(|tar| Digest::of(tar) == diff.0) {
        Some(tar) => unpack::import(layers, &tar[..], tar.len() as u64, Some(diff)).map(drop),
        None => {
            Err(archive.bad(Path::new("manifest.json"), "names no file for a layer that is not empty").into())
        }
    }
}
