//! The format of EROFS on disk, as far as images of layers use it: little-endian, with blocks as long as those of a
//! tar.
//!
//! ```text
//! inode          64 bytes, at 32 times its number
//! attributes     12 bytes (zeros), then for each: lengths, prefix, rest of the name, value; padded to 4 bytes
//! data           the positions of a file's chunks, or a short symlink's target in one block with its inode
//! ```
//!
//! A directory is a sequence of blocks. Each has entries of 12 bytes in the order of their names, then the names.
//!
//! Source: Linux, fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst. Linux 6.4, the first version
//! with blocks smaller than pages, has everything that is used here.

use tarball::BLOCK_BYTES;
use trees::entry::{Kind, Timestamp};

/// Offset of the superblock.
pub(super) const SUPER_OFFSET: usize = 1024;
/// Offset of the table of devices, which has one slot.
pub(super) const DEVICE_OFFSET: usize = SUPER_OFFSET + 128;
/// Offset of the first inode, which is that of the root.
pub(super) const FIRST_INODE: usize = DEVICE_OFFSET + DEVICE_BYTES;
/// Number of bytes that an inode number counts.
pub(super) const INODE_UNIT: usize = 32;
/// Length of an inode.
pub(super) const INODE_BYTES: usize = 64;
/// Length of the position of a chunk.
pub(super) const CHUNK_BYTES: usize = 8;
/// Base-2 logarithm of the maximum length of a chunk in blocks.
pub(super) const MAX_CHUNK_BITS: u32 = 31;
/// Length of an entry of a directory without its name.
pub(super) const DIRENT_BYTES: usize = 12;
/// Length of the header before the attributes.
pub(super) const XATTRS_HEAD_BYTES: usize = 12;
/// Number that stands for no block: a hole, or an empty file.
pub(super) const NO_BLOCK: u32 = u32::MAX;
/// Number of the image itself as a device.
pub(super) const OWN_DEVICE: u16 = 0;
/// Number of the tar as a device.
pub(super) const TAR_DEVICE: u16 = 1;

const MAGIC: u32 = 0xe0f5_e1e2;
const DEVICE_BYTES: usize = 128;
const FEATURE_COMPAT_MTIME: u32 = 2;
const FEATURE_INCOMPAT_CHUNKED_FILE: u32 = 4;
const FEATURE_INCOMPAT_DEVICE_TABLE: u32 = 8;
const CHUNK_FORMAT_INDEXES: u32 = 0x20;

/// Record whose fields are set by their offsets.
struct Fields<const LENGTH: usize>([u8; LENGTH]);

impl<const LENGTH: usize> Fields<LENGTH> {
    fn new() -> Self {
        Self([0; LENGTH])
    }

    fn set(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }
}

/// Returns the superblock of an image with `inodes` inodes and `blocks` blocks. Its only other device is the tar.
pub(super) fn superblock(inodes: u64, blocks: u32, uuid: [u8; 16]) -> [u8; 128] {
    let root = u16::try_from(FIRST_INODE / INODE_UNIT).expect("it is in front");
    let slot = u16::try_from(DEVICE_OFFSET / DEVICE_BYTES).expect("it is in front");
    let features = FEATURE_INCOMPAT_CHUNKED_FILE | FEATURE_INCOMPAT_DEVICE_TABLE;
    Fields::new()
        .set(0, &MAGIC.to_le_bytes())
        .set(8, &FEATURE_COMPAT_MTIME.to_le_bytes())
        .set(12, &[u8::try_from(BLOCK_BYTES.ilog2()).expect("a small power")])
        .set(14, &root.to_le_bytes())
        .set(16, &inodes.to_le_bytes())
        .set(36, &blocks.to_le_bytes())
        .set(48, &uuid)
        .set(80, &features.to_le_bytes())
        .set(86, &1_u16.to_le_bytes())
        .set(88, &slot.to_le_bytes())
        .0
}

/// Returns the slot of the tar in the table of devices. The mount names the file.
pub(super) fn device(blocks: u32) -> [u8; DEVICE_BYTES] {
    Fields::new().set(0, b"tar").set(64, &blocks.to_le_bytes()).0
}

/// Layout of the data of an inode, with the value of the 4-byte field that depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// In blocks of the image that start with this one.
    Blocks(u32),
    /// Directly after the inode.
    Inline,
    /// In chunks. The number is the base-2 logarithm of their length in blocks.
    Chunks(u32),
    /// No data. The number is that of a device, or 0.
    Device(u32),
}

impl Layout {
    /// Returns the number of the layout in the format field.
    fn number(self) -> u16 {
        match self {
            Self::Blocks(_) | Self::Device(_) => 0,
            Self::Inline => 2,
            Self::Chunks(_) => 4,
        }
    }

    /// Returns the value of the field that depends on the layout (`i_u`).
    fn union(self) -> u32 {
        match self {
            Self::Blocks(number) | Self::Device(number) => number,
            Self::Inline => 0,
            Self::Chunks(bits) => bits | CHUNK_FORMAT_INDEXES,
        }
    }
}

/// Inode in its long form, which has a time of its own.
pub(super) struct Inode {
    pub layout: Layout,
    /// Length of the attributes with their header; 0 without attributes.
    pub xattrs_bytes: usize,
    /// Permission bits and the bits of the kind.
    pub mode: u32,
    pub size_bytes: u64,
    pub number: u32,
    pub owner: (u32, u32),
    pub mtime: Timestamp,
    pub links: u32,
}

impl Inode {
    /// Returns the inode in the form that it has on disk.
    pub(super) fn encode(&self) -> [u8; INODE_BYTES] {
        // Bit 0 selects the long form.
        let format = 1 | self.layout.number() << 1;
        let xattr_units = self.xattrs_bytes.checked_sub(XATTRS_HEAD_BYTES).map_or(0, |rest| rest / 4 + 1);
        Fields::new()
            .set(0, &format.to_le_bytes())
            .set(2, &u16::try_from(xattr_units).expect("checked before").to_le_bytes())
            .set(4, &u16::try_from(self.mode).expect("16 bits have a meaning").to_le_bytes())
            .set(8, &self.size_bytes.to_le_bytes())
            .set(16, &self.layout.union().to_le_bytes())
            .set(20, &self.number.to_le_bytes())
            .set(24, &self.owner.0.to_le_bytes())
            .set(28, &self.owner.1.to_le_bytes())
            .set(32, &self.mtime.seconds.to_le_bytes())
            .set(40, &self.mtime.nanoseconds.to_le_bytes())
            .set(44, &self.links.to_le_bytes())
            .0
    }
}

/// Returns the position of a chunk: the device, and the first block there.
pub(super) fn chunk(device: u16, block: u32) -> [u8; CHUNK_BYTES] {
    Fields::new().set(2, &device.to_le_bytes()).set(4, &block.to_le_bytes()).0
}

/// Returns an entry of a directory, whose name is at the offset `name_at` of its block.
pub(super) fn dirent(inode: u64, name_at: u16, file_type: u8) -> [u8; DIRENT_BYTES] {
    Fields::new().set(0, &inode.to_le_bytes()).set(8, &name_at.to_le_bytes()).set(10, &[file_type]).0
}

/// Encodes a device number like new_encode_dev() in include/linux/kdev_t.h; `None` if it does not fit.
pub(super) fn device_number(major: u32, minor: u32) -> Option<u32> {
    (major < 1 << 12 && minor < 1 << 20).then_some((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))
}

/// Type of a directory in the entries of directories.
pub(super) const DIRECTORY_TYPE: u8 = 2;

/// Returns the type of an entry in the entries of directories (`FT_…` in include/linux/fs_types.h).
pub(super) fn file_type(kind: &Kind) -> u8 {
    match kind {
        Kind::File { .. } | Kind::Hardlink { .. } => 1,
        Kind::Directory { .. } => DIRECTORY_TYPE,
        Kind::CharDevice { .. } | Kind::Whiteout => 3,
        Kind::BlockDevice { .. } => 4,
        Kind::Fifo => 5,
        Kind::Symlink { .. } => 7,
    }
}

/// Returns the bits of a mode that stand for a kind (`S_IF…`).
pub(super) fn mode_bits(kind: &Kind) -> u32 {
    match kind {
        Kind::File { .. } | Kind::Hardlink { .. } => 0o100_000,
        Kind::Directory { .. } => 0o040_000,
        Kind::CharDevice { .. } | Kind::Whiteout => 0o020_000,
        Kind::BlockDevice { .. } => 0o060_000,
        Kind::Fifo => 0o010_000,
        Kind::Symlink { .. } => 0o120_000,
    }
}
