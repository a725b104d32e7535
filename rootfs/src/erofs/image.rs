//! An index becomes an image: everything that EROFS wants to know of a layer but the content of its files.
//!
//! ```text
//! seal          in the first 1024 bytes, which EROFS leaves to others: whose image it is, and the blake3 of it all
//! superblock    and the slot of the tar
//! inodes        one for each row of the index but further names of a file, in the same order: the root first
//! blocks        of directories; of links too long to lie in an inode; the first of byte code
//! ```
//!
//! Made in two passes: the first gives every inode its place, the second writes, directories knowing where all are.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use crate::entry::{Entry, Kind};
use crate::index::{Index, Item};
use crate::layer::stored;
use crate::path::to_bytes;
use crate::tar::BLOCK_BYTES;

use super::chunks::{Chunk, Chunks};
use super::directory::{self, Name};
use super::format::{
    self, CHUNK_BYTES, FIRST_INODE, INODE_BYTES, INODE_UNIT, Inode, Layout, NO_BLOCK, OWN_DEVICE, TAR_DEVICE,
};
use super::{seal, xattrs};

/// Linux takes no longer target of a link (`PATH_MAX`, with a zero).
const MAX_TARGET_BYTES: usize = 4095;

/// The image of the layer of `index`, whose tar is `tar`; `uuid` tells it from others. `None` if there is something in
/// the layer that EROFS cannot say, or that extraction would leave out or refuse.
pub(crate) fn image(index: &Index, tar: &Arc<File>, uuid: [u8; 16]) -> io::Result<Option<Vec<u8>>> {
    let Ok(tar_blocks) = u32::try_from(tar.metadata()?.len().div_ceil(BLOCK_BYTES as u64)) else {
        return Ok(None);
    };
    let Some(plan) = Plan::new(index)? else { return Ok(None) };
    let Ok(blocks) = u32::try_from(plan.end / BLOCK_BYTES) else { return Ok(None) };
    let mut writer = Writer { plan: &plan, tar, bytes: vec![0; plan.end] };
    for item in index.items()?.filter(|item| !item.is_hard_link()) {
        writer.item(&item)?;
    }
    writer.put(format::SUPER_OFFSET, &format::superblock(plan.inodes, blocks, uuid));
    writer.put(format::DEVICE_OFFSET, &format::device(tar_blocks));
    seal::close(&mut writer.bytes, !index.root()?.is_implied());
    Ok(Some(writer.bytes))
}

/// What an inode has.
struct Shape {
    xattrs: Vec<u8>,
    body: Body,
}

enum Body {
    Nothing {
        device: u32,
    },
    /// The target of a link, inline or in blocks.
    Target(Vec<u8>),
    Chunks(Chunks),
    Directory {
        blocks: usize,
    },
}

impl Shape {
    fn of(item: &Item<'_>, entry: &Entry) -> io::Result<Option<Self>> {
        let directory_blocks = match entry.is_dir() {
            true => directory::blocks(&names(item)?).count(),
            false => 0,
        };
        Ok(Self::with(item, entry, directory_blocks))
    }

    fn with(item: &Item<'_>, entry: &Entry, directory_blocks: usize) -> Option<Self> {
        // Linux's `(uid_t)-1` is nobody.
        if entry.uid == u32::MAX || entry.gid == u32::MAX {
            return None;
        }
        let body = match &entry.kind {
            Kind::Directory { .. } => Body::Directory { blocks: directory_blocks },
            Kind::File { size_bytes: 0 } => Body::Nothing { device: NO_BLOCK },
            Kind::File { .. } => Body::Chunks(Chunks::of(item)?),
            Kind::Symlink { target } => Body::Target(target_of(to_bytes(target))?),
            // Overlayfs would take it for a whiteout.
            Kind::CharDevice { major: 0, minor: 0 } => return None,
            Kind::CharDevice { major, minor } | Kind::BlockDevice { major, minor } => {
                Body::Nothing { device: format::device_number(*major, *minor)? }
            }
            Kind::Fifo | Kind::Whiteout => Body::Nothing { device: 0 },
            Kind::Hardlink { .. } => unreachable!("each name of a file has a row of the file"),
        };
        let xattrs = match &entry.kind {
            Kind::Directory { .. } | Kind::File { .. } => xattrs::encode(entry)?,
            Kind::Symlink { .. } | Kind::Whiteout => Vec::new(),
            // The kernel sets none on these, or not all.
            _ if !entry.xattrs.is_empty() => return None,
            _ => Vec::new(),
        };
        Some(Self { xattrs, body })
    }

    /// The length of the inode with all that is behind it.
    fn inode_bytes(&self) -> usize {
        match &self.body {
            Body::Chunks(chunks) => self.chunks_at() + chunks.all.len() * CHUNK_BYTES,
            Body::Target(target) if is_inline(target) => INODE_BYTES + target.len(),
            _ => INODE_BYTES + self.xattrs.len(),
        }
    }

    /// Where behind the start of the inode its chunks are.
    fn chunks_at(&self) -> usize {
        (INODE_BYTES + self.xattrs.len()).next_multiple_of(CHUNK_BYTES)
    }

    /// How many blocks of the image it has.
    fn blocks(&self) -> usize {
        match &self.body {
            Body::Nothing { .. } => 0,
            Body::Target(target) if is_inline(target) => 0,
            Body::Target(target) => target.len().div_ceil(BLOCK_BYTES),
            Body::Chunks(chunks) => chunks.all.iter().filter(|chunk| **chunk == Chunk::Own).count(),
            Body::Directory { blocks } => *blocks,
        }
    }
}

/// True for a link's target that fits into one block with its inode.
fn is_inline(target: &[u8]) -> bool {
    INODE_BYTES + target.len() <= BLOCK_BYTES
}

fn target_of(target: &[u8]) -> Option<Vec<u8>> {
    let can_be = (1..=MAX_TARGET_BYTES).contains(&target.len()) && !target.contains(&0);
    can_be.then(|| target.to_vec())
}

/// What a directory shows, in order.
fn names<'a>(item: &Item<'a>) -> io::Result<Vec<Name<'a>>> {
    let name = |child: Item<'a>| {
        let row = child.first_name_row().unwrap_or(child.row());
        Name { name: child.name(), row, file_type: type_of(&child.kind()).0 }
    };
    let mut names: Vec<Name<'a>> = item.children()?.into_iter().map(name).collect();
    for (name, row) in [(&b"."[..], item.row()), (b"..", item.parent()?.row())] {
        let at = names.partition_point(|other| other.name < name);
        names.insert(at, Name { name, row, file_type: DIRECTORY.0 });
    }
    Ok(names)
}

const DIRECTORY: (u8, u32) = (2, 0o040_000);

/// The kind of what is in a directory (`FT_…` of include/linux/fs_types.h), and the bits of its mode.
fn type_of(kind: &Kind) -> (u8, u32) {
    match kind {
        Kind::File { .. } | Kind::Hardlink { .. } => (1, 0o100_000),
        Kind::Directory { .. } => DIRECTORY,
        Kind::CharDevice { .. } | Kind::Whiteout => (3, 0o020_000),
        Kind::BlockDevice { .. } => (4, 0o060_000),
        Kind::Fifo => (5, 0o010_000),
        Kind::Symlink { .. } => (7, 0o120_000),
    }
}

/// Where everything is. By row of the index.
struct Plan {
    /// Offset of its inode.
    inode_at: Vec<usize>,
    /// Offset of its first block.
    block_at: Vec<usize>,
    /// How many names it has.
    links: Vec<u32>,
    inodes: u64,
    end: usize,
}

impl Plan {
    fn new(index: &Index) -> io::Result<Option<Self>> {
        let (mut inode_at, mut block_at, mut links) = (Vec::new(), Vec::new(), Vec::new());
        let mut position = FIRST_INODE;
        let mut inodes = 0;
        for item in index.items()? {
            links.push(0);
            if let Some(first) = item.first_name_row().filter(|_| item.is_hard_link()) {
                links[first] += 1;
                inode_at.push(inode_at[first]);
                block_at.push(0);
                continue;
            }
            let entry = item.entry();
            let Some(shape) = Shape::of(&item, &entry)? else { return Ok(None) };
            position = place(position, &shape);
            inode_at.push(position);
            block_at.push(shape.blocks());
            position += shape.inode_bytes();
            inodes += 1;
            *links.last_mut().expect("pushed above") += match entry.is_dir() {
                true => small(2 + item.children()?.iter().filter(|child| child.is_dir()).count()),
                false => 1,
            };
        }
        let mut end = position.next_multiple_of(BLOCK_BYTES);
        // How many blocks it has becomes where they are.
        for blocks in &mut block_at {
            end += std::mem::replace(blocks, end) * BLOCK_BYTES;
        }
        Ok(Some(Self { inode_at, block_at, links, inodes, end }))
    }

    fn inode(&self, row: usize) -> u64 {
        (self.inode_at[row] / INODE_UNIT) as u64
    }
}

/// Where the next inode can be: a link's target may not cross the border of a block.
fn place(position: usize, shape: &Shape) -> usize {
    let position = position.next_multiple_of(INODE_UNIT);
    let crosses = position % BLOCK_BYTES + shape.inode_bytes() > BLOCK_BYTES;
    match &shape.body {
        Body::Target(target) if is_inline(target) && crosses => position.next_multiple_of(BLOCK_BYTES),
        _ => position,
    }
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
            Body::Target(target) if is_inline(target) => self.put(at + INODE_BYTES, target),
            Body::Target(target) => self.put(block_at, target),
            Body::Chunks(chunks) => {
                self.chunks(at + shape.chunks_at(), block_at, chunks);
                if chunks.all[0] == Chunk::Own {
                    self.first_block(item, block_at)?;
                }
            }
            Body::Directory { .. } => {
                for (number, names) in directory::blocks(&names(item)?).enumerate() {
                    let block = &mut self.bytes[block_at + number * BLOCK_BYTES..][..BLOCK_BYTES];
                    directory::write(names, |row| self.plan.inode(row), block);
                }
            }
        }
        Ok(())
    }

    fn inode(&self, item: &Item<'_>, entry: &Entry, shape: &Shape) -> Inode {
        let row = item.row();
        let block = block_number(self.plan.block_at[row]);
        let (layout, size_bytes) = match &shape.body {
            Body::Nothing { device } => (Layout::Device(*device), 0),
            Body::Target(target) if is_inline(target) => (Layout::Inline, target.len() as u64),
            Body::Target(target) => (Layout::Blocks(block), target.len() as u64),
            Body::Chunks(chunks) => (Layout::Chunks(chunks.bits), item.size_bytes()),
            Body::Directory { blocks } => (Layout::Blocks(block), (blocks * BLOCK_BYTES) as u64),
        };
        // Of a link, no mode but this means anything; of a whiteout, none does.
        let permissions = match entry.kind {
            Kind::Symlink { .. } => 0o777,
            Kind::Whiteout => 0,
            _ => entry.mode & 0o7777,
        };
        Inode {
            layout,
            xattrs_bytes: shape.xattrs.len(),
            mode: type_of(&entry.kind).1 | permissions,
            size_bytes,
            number: small(row + 1),
            owner: (entry.uid, entry.gid),
            mtime: entry.mtime,
            links: self.plan.links[row],
        }
    }

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

    /// The beginning of a file as it really is.
    fn first_block(&mut self, item: &Item<'_>, at: usize) -> io::Result<()> {
        let mut start = Vec::with_capacity(BLOCK_BYTES);
        stored::open(item, self.tar).take(BLOCK_BYTES as u64).read_to_end(&mut start)?;
        self.put(at, &start);
        Ok(())
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// A number of entries.
fn small(entries: usize) -> u32 {
    u32::try_from(entries).expect("entries are limited to less")
}

fn block_number(offset: usize) -> u32 {
    u32::try_from(offset / BLOCK_BYTES).expect("an image has no more blocks")
}
