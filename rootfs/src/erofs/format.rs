//! What EROFS has on disk, as far as we write it: little-endian, in blocks as large as a tar's.
//!
//! ```text
//! inode          64 bytes, at 32 times its number
//! attributes     12 bytes (zeros), then each: lengths, prefix, the rest of its name, its value; filled up to 4 bytes
//! then           where a file's chunks are; or where a short link points, in one block with its inode
//! ```
//!
//! A directory is blocks of entries, in order of their names, each block by itself: 12 bytes each, then the names.
//!
//! Source: Linux, fs/erofs/erofs_fs.h and Documentation/filesystems/erofs.rst. All that is used here is as old as
//! Linux 6.4, the first that takes blocks smaller than pages.

use crate::tar::BLOCK_BYTES;

/// Where the superblock is.
pub(super) const SUPER_OFFSET: usize = 1024;
/// What is behind the superblock: one slot of the table of devices.
pub(super) const DEVICE_OFFSET: usize = SUPER_OFFSET + 128;
/// The first inode, which is the root's.
pub(super) const FIRST_INODE: usize = DEVICE_OFFSET + DEVICE_BYTES;
/// The unit of inode numbers.
pub(super) const INODE_UNIT: usize = 32;
/// The length of an inode.
pub(super) const INODE_BYTES: usize = 64;
/// The length of what says where a chunk is.
pub(super) const CHUNK_BYTES: usize = 8;
/// The longest chunk is so many times doubled blocks long.
pub(super) const MAX_CHUNK_BITS: u32 = 31;
/// The length of an entry of a directory without its name.
pub(super) const DIRENT_BYTES: usize = 12;
/// What stands in front of a file's attributes.
pub(super) const XATTRS_HEAD_BYTES: usize = 12;
/// No block: a hole, or a file of no bytes.
pub(super) const NO_BLOCK: u32 = u32::MAX;
/// The image itself, as a device.
pub(super) const OWN_DEVICE: u16 = 0;
/// The tar, as a device.
pub(super) const TAR_DEVICE: u16 = 1;

const MAGIC: u32 = 0xe0f5_e1e2;
const DEVICE_BYTES: usize = 128;
const FEATURE_COMPAT_MTIME: u32 = 2;
const FEATURE_INCOMPAT_CHUNKED_FILE: u32 = 4;
const FEATURE_INCOMPAT_DEVICE_TABLE: u32 = 8;
const CHUNK_FORMAT_INDEXES: u32 = 0x20;

/// Bytes that are filled in by their offsets.
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

/// The superblock of an image with `inodes` inodes and `blocks` blocks, whose one further device is the tar.
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

/// The slot of the tar in the table of devices; the file is named when it is mounted.
pub(super) fn device(blocks: u32) -> [u8; DEVICE_BYTES] {
    Fields::new().set(0, b"tar").set(64, &blocks.to_le_bytes()).0
}

/// What an inode's own 4 bytes say, and how what it has is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// In the image's blocks, from this one on.
    Blocks(u32),
    /// Behind the inode.
    Inline,
    /// In chunks of the length of a block, so many times doubled.
    Chunks(u32),
    /// Nowhere: the number of a device (0 for what is none).
    Device(u32),
}

impl Layout {
    fn number(self) -> u16 {
        match self {
            Self::Blocks(_) | Self::Device(_) => 0,
            Self::Inline => 2,
            Self::Chunks(_) => 4,
        }
    }

    fn union(self) -> u32 {
        match self {
            Self::Blocks(number) | Self::Device(number) => number,
            Self::Inline => 0,
            Self::Chunks(bits) => bits | CHUNK_FORMAT_INDEXES,
        }
    }
}

/// An inode in its long form, the one with a time of its own.
pub(super) struct Inode {
    pub layout: Layout,
    /// The length of its attributes, with what stands in front.
    pub xattrs_bytes: usize,
    /// With the bits of its kind.
    pub mode: u32,
    pub size_bytes: u64,
    pub number: u32,
    pub owner: (u32, u32),
    pub mtime: crate::entry::Timestamp,
    pub links: u32,
}

impl Inode {
    /// As it is on disk.
    pub(super) fn encode(&self) -> [u8; INODE_BYTES] {
        // Bit 0: the long form.
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

/// Where a chunk is: from a block of a device on.
pub(super) fn chunk(device: u16, block: u32) -> [u8; CHUNK_BYTES] {
    Fields::new().set(2, &device.to_le_bytes()).set(4, &block.to_le_bytes()).0
}

/// An entry of a directory, whose name is at `name_at` of its block.
pub(super) fn dirent(inode: u64, name_at: u16, file_type: u8) -> [u8; DIRENT_BYTES] {
    Fields::new().set(0, &inode.to_le_bytes()).set(8, &name_at.to_le_bytes()).set(10, &[file_type]).0
}

/// A device's number, as new_encode_dev() in include/linux/kdev_t.h has it; `None` if it does not fit.
pub(super) fn device_number(major: u32, minor: u32) -> Option<u32> {
    (major < 1 << 12 && minor < 1 << 20).then_some((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))
}
