//! Numbers at a position of a file that can be outside.

/// Returns `N` bytes at an offset; `None` if they are not all there.
pub(super) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

/// Returns the big-endian number at an offset.
pub(super) fn be16(bytes: &[u8], offset: usize) -> Option<usize> {
    array(bytes, offset).map(|bytes| u16::from_be_bytes(bytes).into())
}

/// Returns the big-endian number at an offset.
pub(super) fn be32(bytes: &[u8], offset: usize) -> Option<usize> {
    array(bytes, offset).map(|bytes| u32::from_be_bytes(bytes) as usize)
}

/// Returns the little-endian number at an offset.
pub(super) fn le16(bytes: &[u8], offset: usize) -> Option<usize> {
    array(bytes, offset).map(|bytes| u16::from_le_bytes(bytes).into())
}

/// Returns the little-endian number at an offset.
pub(super) fn le32(bytes: &[u8], offset: usize) -> Option<usize> {
    array(bytes, offset).map(|bytes| u32::from_le_bytes(bytes) as usize)
}
