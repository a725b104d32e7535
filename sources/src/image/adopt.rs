//! Adoption: an image whose layers are in the store gets a manifest of the store's own.

use cache::{Store, StoreError};
use images::Image;
use oci::{Descriptor, DiffId, Digest, Manifest, media_type};

use super::error::SourceError;

/// An image whose blobs are in the store.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// Descriptor of the manifest; it has a platform.
    pub descriptor: Descriptor,
    /// Digest of the config, which is the image ID.
    pub image_id: Digest,
}

/// Puts a manifest into the store that refers to the tars of the image's layers, which are there.
pub(super) fn adopt(store: &Store, image: &Image) -> Result<Stored, SourceError> {
    let tar = |diff: &DiffId| -> Result<Descriptor, SourceError> {
        let size_bytes = store.stat_blob(&diff.0)?.ok_or(StoreError::Missing { digest: diff.0 })?;
        Ok(Descriptor::new(media_type::LAYER_TAR, diff.0, size_bytes))
    };
    let layers = image.config.rootfs.diff_ids.iter().map(tar).collect::<Result<_, _>>()?;
    let Descriptor { digest: image_id, size_bytes, .. } = image.manifest.config;
    let mut manifest = Manifest::new(Descriptor::new(media_type::CONFIG, image_id, size_bytes), layers);
    manifest.annotations.clone_from(&image.manifest.annotations);
    let text = serde_json::to_vec(&manifest).expect("a manifest has string keys only");
    let digest = store.put_blob(&text)?;
    let mut descriptor = Descriptor::new(media_type::MANIFEST, digest, text.len() as u64);
    descriptor.platform = Some(image.config.platform.clone());
    Ok(Stored { descriptor, image_id })
}
