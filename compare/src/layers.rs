//! Layers of two images: what they share from the base up, and the rest.

use images::Image;
use oci::DiffId;
use serde::Serialize;

/// Layers of two images.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerChanges {
    /// Number of layers from the base up that both images have.
    pub common: usize,
    /// Layers of the first image above the common ones.
    pub removed: Vec<LayerInfo>,
    /// Layers of the second image above the common ones.
    pub added: Vec<LayerInfo>,
}

/// Layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerInfo {
    /// Digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// Length of the blob that the manifest names, which can be compressed.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// Instruction that made the layer, from the history of the image; empty if unknown.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created_by: String,
}

/// Compares the layers of two images.
pub(crate) fn compare_layers(before: &Image, after: &Image) -> LayerChanges {
    let (mut removed, mut added) = (infos(before), infos(after));
    let common = removed.iter().zip(&added).take_while(|(old, new)| old.diff_id == new.diff_id).count();
    LayerChanges { common, removed: removed.split_off(common), added: added.split_off(common) }
}

fn infos(image: &Image) -> Vec<LayerInfo> {
    let made = image.config.history.iter().filter(|entry| !entry.empty_layer);
    let mut created_by = made.map(|entry| entry.created_by.clone());
    let blobs = image.manifest.layers.iter().zip(&image.config.rootfs.diff_ids);
    let info = |(blob, diff_id): (&oci::Descriptor, &DiffId)| LayerInfo {
        diff_id: *diff_id,
        size_bytes: blob.size_bytes,
        created_by: created_by.next().unwrap_or_default(),
    };
    blobs.map(info).collect()
}
