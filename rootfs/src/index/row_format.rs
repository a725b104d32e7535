//! Layout of a row on disk: little-endian fields at fixed offsets.
//!
//! A field whose value is in the heap of its block has the offset and the length of the value there, 4 bytes each.

/// Length of a row.
pub(super) const ROW_BYTES: usize = 112;

// Offsets of fields.

/// Path, in the heap.
pub(super) const PATH: usize = 0;
/// Target of a symbolic link or map of a sparse file, in the heap.
pub(super) const EXTRA: usize = 8;
/// Extended attributes, in the heap.
pub(super) const XATTRS: usize = 16;
/// Kind of entry, 1 byte.
pub(super) const KIND: usize = 24;
/// Combination of flags, 1 byte.
pub(super) const FLAGS: usize = 25;
/// Permission bits, 2 bytes.
pub(super) const MODE: usize = 26;
/// User ID of the owner, 4 bytes.
pub(super) const UID: usize = 28;
/// Group ID of the owner, 4 bytes.
pub(super) const GID: usize = 32;
/// Nanoseconds of the modification time, 4 bytes.
pub(super) const MTIME_NS: usize = 36;
/// Seconds of the modification time, 8 bytes, signed.
pub(super) const MTIME: usize = 40;
/// Length of a regular file, or `major << 32 | minor` of a device; 8 bytes.
pub(super) const SIZE: usize = 48;
/// Offset of a file's bytes in the tar, 8 bytes.
pub(super) const OFFSET: usize = 56;
/// Row of the first name of a file with several names, plus 1; else 0. 4 bytes.
pub(super) const GROUP: usize = 64;
/// First row that is not below this one, 4 bytes.
pub(super) const END: usize = 68;
/// Real source time of byte code, 4 bytes.
pub(super) const PYC: usize = 72;
/// The blake3 of a file's content, 32 bytes.
pub(super) const CONTENT: usize = 80;

// Flags.

/// The layer does not describe this directory.
pub(super) const IMPLIED: u8 = 1;
/// The directory hides the content of lower layers.
pub(super) const OPAQUE: u8 = 2;
/// The row is an opaque directory, or lies below one.
pub(super) const HIDES: u8 = 4;
/// The file is sparse, and [`EXTRA`] has its map.
pub(super) const SPARSE: u8 = 8;
/// [`PYC`] has a value.
pub(super) const HAS_PYC: u8 = 16;

// Values of [`KIND`]; all hard links to a file are files.

pub(super) const KIND_DIRECTORY: u8 = 0;
pub(super) const KIND_FILE: u8 = 1;
pub(super) const KIND_SYMLINK: u8 = 2;
pub(super) const KIND_CHAR: u8 = 3;
pub(super) const KIND_BLOCK: u8 = 4;
pub(super) const KIND_FIFO: u8 = 5;
pub(super) const KIND_WHITEOUT: u8 = 6;

/// Decodes the 4-byte number at the offset `at`.
pub(super) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

/// Decodes the 8-byte number at the offset `at`.
pub(super) fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(data.get(at..at + 8)?.try_into().ok()?))
}
