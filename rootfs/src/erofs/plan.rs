//! The first pass over an index: gives every inode, and its blocks, a position in the image.

use std::io;

use super::format::{FIRST_INODE, INODE_UNIT};
use super::shape::{Body, Shape};
use crate::index::{Index, Item};
use tarball::BLOCK_BYTES;

/// Positions of everything in the image. The vectors have one item for each row of the index.
pub(super) struct Plan {
    /// Offset of the inode; a hard link has that of its file.
    pub inode_at: Vec<usize>,
    /// Offset of the first block.
    pub block_at: Vec<usize>,
    /// Number of names of the inode.
    pub links: Vec<u32>,
    /// Number of inodes, which is that of rows without hard links.
    pub inodes: u64,
    /// Length of the image.
    pub end: usize,
}

impl Plan {
    /// Plans the image of the layer of `index`; `None` if EROFS cannot represent an entry.
    pub(super) fn new(index: &Index) -> io::Result<Option<Self>> {
        let mut plan = Self {
            inode_at: Vec::new(),
            block_at: Vec::new(),
            links: Vec::new(),
            inodes: 0,
            end: FIRST_INODE,
        };
        for item in index.items()? {
            match item.first_name_row().filter(|_| item.is_hard_link()) {
                Some(first) => plan.add_hard_link(first),
                None => {
                    let entry = item.entry();
                    let Some(shape) = Shape::of(&item, &entry)? else { return Ok(None) };
                    plan.add_inode(&shape);
                    plan.links.push(own_links(&item)?);
                }
            }
        }
        plan.place_blocks();
        Ok(Some(plan))
    }

    fn add_hard_link(&mut self, first: usize) {
        self.links[first] += 1;
        self.links.push(0);
        self.inode_at.push(self.inode_at[first]);
        self.block_at.push(0);
    }

    /// Adds the next inode. `block_at` has the number of its blocks for now.
    fn add_inode(&mut self, shape: &Shape) {
        let position = next_position(self.end, shape);
        self.inode_at.push(position);
        self.block_at.push(shape.blocks());
        self.end = position + shape.inode_bytes();
        self.inodes += 1;
    }

    /// Replaces the numbers of blocks in `block_at` by their positions after all inodes.
    fn place_blocks(&mut self) {
        self.end = self.end.next_multiple_of(BLOCK_BYTES);
        for block_at in &mut self.block_at {
            self.end += std::mem::replace(block_at, self.end) * BLOCK_BYTES;
        }
    }

    /// Returns the number of the inode of a row.
    pub(super) fn inode(&self, row: usize) -> u64 {
        (self.inode_at[row] / INODE_UNIT) as u64
    }
}

/// Returns the number of names that an entry has without hard links: a directory has `.`, and `..` in each
/// subdirectory.
fn own_links(item: &Item<'_>) -> io::Result<u32> {
    if !item.is_dir() {
        return Ok(1);
    }
    let subdirectories = item.children()?.iter().filter(|child| child.is_dir()).count();
    Ok(u32::try_from(2 + subdirectories).expect("a layer has fewer entries"))
}

/// Returns the next position for an inode. An inline target must be in one block with its inode.
fn next_position(end: usize, shape: &Shape) -> usize {
    let position = end.next_multiple_of(INODE_UNIT);
    let crosses = position % BLOCK_BYTES + shape.inode_bytes() > BLOCK_BYTES;
    match &shape.body {
        Body::InlineTarget(_) if crosses => position.next_multiple_of(BLOCK_BYTES),
        _ => position,
    }
}
