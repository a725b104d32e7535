//! The seal at the start of an image, in bytes that EROFS does not use: it shows whether the image is undamaged.
//!
//! An image is derived from its layer and never synced, so a power cut can damage it. The hash is keyed with the diff ID:
//! the image of another layer counts as damaged. The bytes between the seal and
//! the superblock are zeros.

use super::format::SUPER_OFFSET;

/// First bytes of a seal. They change with the format of images.
const MAGIC: &[u8; 16] = b"dsbuild erofs\0\0\x02";
/// Offset of the first byte that the blake3 covers; the blake3 is directly before it.
const HASHED_FROM: usize = 48;
/// Offset of the byte that is 1 if the layer describes the root directory.
const HAS_ROOT: usize = 48;
/// Length of the seal.
pub(crate) const SEAL_BYTES: usize = 49;

/// Writes the seal of the image of `layer`, a diff ID. The first bytes of the image are still zeros.
pub(super) fn close(image: &mut [u8], layer: &[u8; 32], has_root: bool) {
    image[HAS_ROOT] = u8::from(has_root);
    image[..16].copy_from_slice(MAGIC);
    let hash = blake3::keyed_hash(layer, &image[HASHED_FROM..]);
    image[16..HASHED_FROM].copy_from_slice(hash.as_bytes());
}

/// Verifies the image of `layer`. Returns whether the layer describes the root directory; `None` if the image is damaged,
/// or has another version or layer.
pub(crate) fn open(image: &[u8], layer: &[u8; 32]) -> Option<bool> {
    let body = image.get(HASHED_FROM..).filter(|_| image.len() > SUPER_OFFSET)?;
    let has_root = open_verified(image.first_chunk()?)?;
    (*blake3::keyed_hash(layer, body).as_bytes() == image[16..HASHED_FROM]).then_some(has_root)
}

/// Reads the seal of an image that is known to be undamaged; returns as [`open`] does.
pub(crate) fn open_verified(seal: &[u8; SEAL_BYTES]) -> Option<bool> {
    seal.starts_with(MAGIC).then_some(seal[HAS_ROOT] == 1)
}
