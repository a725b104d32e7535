//! What stands in front of an image, where EROFS looks at nothing: whether the rest is whole.
//!
//! An image is derived from its layer and never synced, so what a power cut left of it must not be believed. The bytes
//! between seal and superblock are zeros.

use super::format::SUPER_OFFSET;

/// Another version has another way to write images.
const MAGIC: &[u8; 16] = b"dsbuild erofs\0\0\x01";
/// Of what is behind it, the blake3.
const HASHED_FROM: usize = 48;
/// 1 if the layer says what the root is.
const HAS_ROOT: usize = 48;
/// The length of the seal.
pub(crate) const SEAL_BYTES: usize = 49;

/// Seals an image whose first bytes are free.
pub(super) fn close(image: &mut [u8], has_root: bool) {
    image[HAS_ROOT] = u8::from(has_root);
    image[..16].copy_from_slice(MAGIC);
    let hash = blake3::hash(&image[HASHED_FROM..]);
    image[16..HASHED_FROM].copy_from_slice(hash.as_bytes());
}

/// Whether the layer says what the root is; `None` if the image is damaged or of another version.
pub(crate) fn open(image: &[u8]) -> Option<bool> {
    let body = image.get(HASHED_FROM..).filter(|_| image.len() > SUPER_OFFSET)?;
    let has_root = open_verified(image.first_chunk()?)?;
    (*blake3::hash(body).as_bytes() == image[16..HASHED_FROM]).then_some(has_root)
}

/// The same of an image that is known to be whole, from its seal.
pub(crate) fn open_verified(seal: &[u8; SEAL_BYTES]) -> Option<bool> {
    seal.starts_with(MAGIC).then_some(seal[HAS_ROOT] == 1)
}
