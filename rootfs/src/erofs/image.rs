//! The EROFS image of a layer: everything that EROFS needs to know about it, except the content of its files.
//!
//! ```text
//! seal          in the first 1024 bytes, which EROFS does not use: a blake3 of the image
//! superblock    followed by the slot of the tar in the table of devices
//! inodes        one for each row of the index, except hard links, in the same order; the root comes first
//! blocks        of directories, of symlinks that are too long for their inode, and the first of each byte code file
//! ```
//!
//! An image is made in two passes. The first gives every inode a position ([`super::plan`]). The second writes them;
//! directories need the positions of all inodes.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::chunks::{Chunk, Chunks};
use super::directory;
use super::format::{
    self, CHUNK_BYTES, INODE_BYTES, Inode, Layout, NO_BLOCK, OWN_DEVICE, TAR_DEVICE, mode_bits,
};
use super::plan::Plan;
use super::seal;
use super::shape::{Body, Shape};
use crate::index::{Index, Item};
use crate::layer::stored;
use tarball::BLOCK_BYTES;
use trees::entry::{Entry, Kind};

/// Makes the image of `layer`, a diff ID, from its index and tar. Its UUID differs between all layers of an overlay.
///
/// Returns `None` if the layer has an entry that EROFS cannot represent, or that unpacking would leave out or refuse.
pub(crate) fn image(index: &Index, tar: &Arc<File>, layer: &[u8; 32]) -> io::Result<Option<Vec<u8>>> {
    let Ok(tar_blocks) = u32::try_from(tar.metadata()?.len().div_ceil(BLOCK_BYTES as u64)) else {
        return Ok(None);
    };
    let Some(plan) = Plan::new(index)? else { return Ok(None) };
    let Ok(blocks) = u32::try_from(plan.end / BLOCK_BYTES) else { return Ok(None) };
    let mut writer = Writer { plan: &plan, tar, bytes: vec![0; plan.end] };
    for item in index.items()?.filter(|item| !item.is_hard_link()) {
        writer.item(&item)?;
    }
    writer.put(
        format::SUPER_OFFSET,
        &format::superblock(plan.inodes, blocks, *layer.first_chunk().expect("a diff ID is longer")),
    );
    writer.put(format::DEVICE_OFFSET, &format::device(tar_blocks));
    seal::close(&mut writer.bytes, layer, !index.root()?.is_implied());
    Ok(Some(writer.bytes))
}

struct Writer<'a> {
    plan: &'a Plan,
    tar: &'a Arc<File>,
    bytes: Vec<u8>,
}

impl Writer<'_> {
    fn item(&mut self, item: &Item<'_>) -> io::Result<()> {
        let entry = item.entry();
        let shape = Shape::of(item, &entry)?.expect("the first pass has seen it");
        let (at, block_at) = (self.plan.inode_at[item.row()], self.plan.block_at[item.row()]);
        self.put(at, &self.inode(item, &entry, &shape).encode());
        self.put(at + INODE_BYTES, &shape.xattrs);
        match &shape.body {
            Body::Nothing { .. } => {}
            Body::InlineTarget(target) => self.put(at + INODE_BYTES, target),
            Body::TargetInBlocks(target) => self.put(block_at, target),
            Body::Chunks(chunks) => {
                self.chunks(at + shape.chunks_at(), block_at, chunks);
                if chunks.all[0] == Chunk::Own {
                    self.first_block(item, block_at)?;
                }
            }
            Body::Directory { .. } => self.directory(item, block_at)?,
        }
        Ok(())
    }

    fn inode(&self, item: &Item<'_>, entry: &Entry, shape: &Shape) -> Inode {
        let row = item.row();
        let block = block_number(self.plan.block_at[row]);
        let (layout, size_bytes) = match &shape.body {
            Body::Nothing { device } => (Layout::Device(*device), 0),
            Body::InlineTarget(target) => (Layout::Inline, target.len() as u64),
            Body::TargetInBlocks(target) => (Layout::Blocks(block), target.len() as u64),
            Body::Chunks(chunks) => (Layout::Chunks(chunks.bits), item.size_bytes()),
            Body::Directory { blocks } => (Layout::Blocks(block), (blocks * BLOCK_BYTES) as u64),
        };
        // A symlink has this mode whatever the layer says, and the mode of a whiteout has no meaning.
        let permissions = match entry.kind {
            Kind::Symlink { .. } => 0o777,
            Kind::Whiteout => 0,
            _ => entry.mode & 0o7777,
        };
        Inode {
            layout,
            xattrs_bytes: shape.xattrs.len(),
            mode: mode_bits(&entry.kind) | permissions,
            size_bytes,
            number: u32::try_from(row + 1).expect("a layer has fewer entries"),
            owner: (entry.uid, entry.gid),
            mtime: entry.mtime,
            links: self.plan.links[row],
        }
    }

    /// Writes the list of chunks of a file at `at`. Its own block, if it has one, is at `block_at`.
    fn chunks(&mut self, at: usize, block_at: usize, chunks: &Chunks) {
        for (number, chunk) in chunks.all.iter().enumerate() {
            let (device, block) = match chunk {
                Chunk::Hole => (OWN_DEVICE, NO_BLOCK),
                Chunk::Own => (OWN_DEVICE, block_number(block_at)),
                Chunk::Tar(offset) => {
                    let block = u32::try_from(offset / BLOCK_BYTES as u64);
                    (TAR_DEVICE, block.expect("checked before"))
                }
            };
            self.put(at + number * CHUNK_BYTES, &format::chunk(device, block));
        }
    }

    /// Writes the start of a file's real content, which differs from the tar, to a block of the image.
    fn first_block(&mut self, item: &Item<'_>, at: usize) -> io::Result<()> {
        let mut start = Vec::with_capacity(BLOCK_BYTES);
        stored::open(item, self.tar).take(BLOCK_BYTES as u64).read_to_end(&mut start)?;
        self.put(at, &start);
        Ok(())
    }

    /// Writes the blocks of a directory at `at`.
    fn directory(&mut self, item: &Item<'_>, at: usize) -> io::Result<()> {
        for (number, names) in directory::blocks(&directory::names(item)?).enumerate() {
            let block = &mut self.bytes[at + number * BLOCK_BYTES..][..BLOCK_BYTES];
            directory::write(names, |row| self.plan.inode(row), block);
        }
        Ok(())
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

fn block_number(offset: usize) -> u32 {
    u32::try_from(offset / BLOCK_BYTES).expect("an image has no more blocks")
}
