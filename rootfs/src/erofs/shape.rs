//! The shape of an inode: its attributes, and the data after it or in blocks of the image.

use std::io;

use super::chunks::{Chunk, Chunks};
use super::directory;
use super::format::{CHUNK_BYTES, INODE_BYTES, NO_BLOCK, device_number};
use super::xattrs;
use crate::index::Item;
use tarball::BLOCK_BYTES;
use trees::entry::{Entry, Kind};
use trees::path::to_bytes;

/// Maximum length of the target of a symlink in Linux (`PATH_MAX` without the zero byte).
const MAX_TARGET_BYTES: usize = 4095;

/// Attributes and data of an inode.
pub(super) struct Shape {
    /// Encoded attributes; empty for an entry without any.
    pub xattrs: Vec<u8>,
    pub body: Body,
}

/// Data of an inode.
pub(super) enum Body {
    /// No data. `device` is the number of a device, [`NO_BLOCK`] for an empty file, else 0.
    Nothing { device: u32 },
    /// Target of a symlink that follows the inode in one block with it.
    InlineTarget(Vec<u8>),
    /// Target of a symlink in a block of the image.
    TargetInBlocks(Vec<u8>),
    /// Content of a regular file.
    Chunks(Chunks),
    /// Entries of a directory, in this many blocks of the image.
    Directory { blocks: usize },
}

impl Shape {
    /// Returns the shape of an entry. Returns `None` if EROFS cannot represent the entry, or if unpacking would leave
    /// it out or refuse it.
    pub(super) fn of(item: &Item<'_>, entry: &Entry) -> io::Result<Option<Self>> {
        let directory_blocks =
            if entry.is_dir() { directory::blocks(&directory::names(item)?).count() } else { 0 };
        Ok(Self::with(item, entry, directory_blocks))
    }

    fn with(item: &Item<'_>, entry: &Entry, directory_blocks: usize) -> Option<Self> {
        // To Linux, an owner of all ones means "leave as it is".
        if entry.uid == u32::MAX || entry.gid == u32::MAX {
            return None;
        }
        let body = match &entry.kind {
            Kind::Directory { .. } => Body::Directory { blocks: directory_blocks },
            Kind::File { size_bytes: 0 } => Body::Nothing { device: NO_BLOCK },
            Kind::File { .. } => Body::Chunks(Chunks::of(item)?),
            Kind::Symlink { target } => Body::of_target(to_bytes(target))?,
            // Overlayfs would take this device for a whiteout.
            Kind::CharDevice { major: 0, minor: 0 } => return None,
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                Body::Nothing { device: device_number(*major, *minor)? }
            }
            Kind::Fifo | Kind::Whiteout => Body::Nothing { device: 0 },
            Kind::Hardlink { .. } => unreachable!("each name of a file has a row of the file"),
        };
        let xattrs = match &entry.kind {
            Kind::Directory { .. } | Kind::File { .. } => xattrs::encode(entry)?,
            Kind::Symlink { .. } | Kind::Whiteout => Vec::new(),
            // The kernel refuses some or all attributes on other kinds.
            _ if !entry.xattrs.is_empty() => return None,
            _ => Vec::new(),
        };
        Some(Self { xattrs, body })
    }

    /// Returns the length of the inode with everything that follows it directly.
    pub(super) fn inode_bytes(&self) -> usize {
        match &self.body {
            Body::Chunks(chunks) => self.chunks_at() + chunks.all.len() * CHUNK_BYTES,
            Body::InlineTarget(target) => INODE_BYTES + target.len(),
            _ => INODE_BYTES + self.xattrs.len(),
        }
    }

    /// Returns the offset of the list of chunks from the start of the inode.
    pub(super) fn chunks_at(&self) -> usize {
        (INODE_BYTES + self.xattrs.len()).next_multiple_of(CHUNK_BYTES)
    }

    /// Returns the number of blocks of the image that the data takes.
    pub(super) fn blocks(&self) -> usize {
        match &self.body {
            Body::Nothing { .. } | Body::InlineTarget(_) => 0,
            Body::TargetInBlocks(target) => target.len().div_ceil(BLOCK_BYTES),
            Body::Chunks(chunks) => chunks.all.iter().filter(|chunk| **chunk == Chunk::Own).count(),
            Body::Directory { blocks } => *blocks,
        }
    }
}

impl Body {
    /// Returns the data of a symlink; `None` if Linux cannot have such a target.
    fn of_target(target: &[u8]) -> Option<Self> {
        if !(1..=MAX_TARGET_BYTES).contains(&target.len()) || target.contains(&0) {
            return None;
        }
        let fits = INODE_BYTES + target.len() <= BLOCK_BYTES;
        let target = target.to_vec();
        Some(if fits { Self::InlineTarget(target) } else { Self::TargetInBlocks(target) })
    }
}
