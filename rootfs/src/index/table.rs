//! The head of an index and the table of its blocks: everything that must be read before a row can be found.
//!
//! ```text
//! magic, version                   16 bytes
//! blake3 of the rest               32 bytes, keyed with the diff ID of the layer
//! origin, rows, blocks, text       4 bytes each; bit 1 of the origin: a directory below the root is implied
//! for each block                   ENTRY_BYTES: length, number of rows, length of its first path, blake3
//! text                             the first paths of all blocks
//! ```
//!
//! The blocks follow the table in the file, one after the other.

use std::cmp::Ordering;
use std::ops::Range;

use oci::DiffId;

use super::block::Block;
use super::row::Origin;
use super::row_format::u32_at;
use trees::path::compare;

const MAGIC: &[u8; 16] = b"dsbuild index\0\0\x04";
const HASHED_FROM: usize = 48;
const HEAD_BYTES: usize = 64;
const ENTRY_BYTES: usize = 44;

/// Head and table of an index.
pub(super) struct Table {
    pub origin: Origin,
    /// Whether the layer implies a directory other than the root: lower layers have its metadata.
    pub has_implied: bool,
    /// Number of rows in all blocks.
    pub rows: usize,
    blocks: Vec<BlockInfo>,
    text: Vec<u8>,
}

/// Description of a block: its position and its expected content.
pub(super) struct BlockInfo {
    /// Offset of the block, counted from the end of the table.
    from: u64,
    pub length: usize,
    rows: Range<usize>,
    /// Range of the text that holds the path of the first row.
    path: Range<usize>,
    hash: [u8; 32],
}

impl Table {
    /// Returns a table without blocks.
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin, has_implied: false, rows: 0, blocks: Vec::new(), text: Vec::new() }
    }

    /// Adds the block that comes next.
    pub(super) fn push(&mut self, path: &[u8], rows: usize, bytes: &[u8]) {
        self.add(path.len(), rows, bytes.len(), *blake3::hash(bytes).as_bytes());
        self.text.extend_from_slice(path);
    }

    fn add(&mut self, path_bytes: usize, rows: usize, length: usize, hash: [u8; 32]) {
        let from = self.blocks.last().map_or(0, BlockInfo::end);
        let path = self.blocks.last().map_or(0, |last| last.path.end);
        let info = BlockInfo {
            from,
            length,
            rows: self.rows..self.rows + rows,
            path: path..path + path_bytes,
            hash,
        };
        self.rows += rows;
        self.blocks.push(info);
    }

    /// Returns the head and the table of `layer` in the form that they have on disk.
    pub(super) fn encode(&self, layer: &DiffId) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.length_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; HASHED_FROM - MAGIC.len()]);
        let origin = usize::from(self.origin == Origin::Imported) | usize::from(self.has_implied) << 1;
        for number in [origin, self.rows, self.blocks.len(), self.text.len()] {
            bytes.extend_from_slice(&to_u32(number).to_le_bytes());
        }
        for info in &self.blocks {
            for number in [info.length, info.rows.len(), info.path.len()] {
                bytes.extend_from_slice(&to_u32(number).to_le_bytes());
            }
            bytes.extend_from_slice(&info.hash);
        }
        bytes.extend_from_slice(&self.text);
        let hash = blake3::keyed_hash(layer.0.as_bytes(), &bytes[HASHED_FROM..]);
        bytes[MAGIC.len()..HASHED_FROM].copy_from_slice(hash.as_bytes());
        bytes
    }

    /// Returns the length of the head and table that begin with `start`, unverified. Returns `None` if `start` is not
    /// the head of an index of this version.
    pub(super) fn length(start: &[u8]) -> Option<usize> {
        let start = start.get(..HEAD_BYTES).filter(|start| start.starts_with(MAGIC))?;
        let number = |at| usize::try_from(u32_at(start, at)?).ok();
        number(56)?.checked_mul(ENTRY_BYTES)?.checked_add(number(60)?)?.checked_add(HEAD_BYTES)
    }

    /// Decodes the result of [`Table::encode`]; returns `None` if it is damaged or of another layer.
    pub(super) fn parse(bytes: &[u8], layer: &DiffId) -> Option<Self> {
        if Self::length(bytes)? != bytes.len()
            || *blake3::keyed_hash(layer.0.as_bytes(), &bytes[HASHED_FROM..]).as_bytes()
                != bytes[MAGIC.len()..HASHED_FROM]
        {
            return None;
        }
        let number = |at| usize::try_from(u32_at(bytes, at)?).ok();
        let mut table = Self::new(if number(48)? & 1 == 0 { Origin::Made } else { Origin::Imported });
        table.has_implied = number(48)? & 2 != 0;
        let text_at = HEAD_BYTES + number(56)? * ENTRY_BYTES;
        for at in (HEAD_BYTES..text_at).step_by(ENTRY_BYTES) {
            let (length, rows, path_bytes) = (number(at)?, number(at + 4)?, number(at + 8)?);
            table.add(path_bytes, rows, length, bytes[at + 12..at + ENTRY_BYTES].try_into().ok()?);
        }
        table.text = bytes[text_at..].to_vec();
        table.is_sound(number(52)?).then_some(table)
    }

    fn is_sound(&self, rows: usize) -> bool {
        let text = self.blocks.last().map_or(0, |last| last.path.end);
        self.rows == rows
            && text == self.text.len()
            && self.blocks.iter().all(|info| !info.rows.is_empty())
            && self.blocks.first().is_some_and(|root| root.path.is_empty())
    }

    /// Returns the descriptions of all blocks, in order.
    pub(super) fn blocks(&self) -> &[BlockInfo] {
        &self.blocks
    }

    /// Returns the offset of a block in the file.
    pub(super) fn offset(&self, info: &BlockInfo) -> u64 {
        self.length_bytes() as u64 + info.from
    }

    /// Returns the length of the whole file.
    pub(super) fn end(&self) -> u64 {
        self.length_bytes() as u64 + self.blocks.last().map_or(0, BlockInfo::end)
    }

    /// Returns the bytes of a block if they are part of `start`, the first bytes of the file.
    pub(super) fn bytes_in<'a>(&self, info: &BlockInfo, start: &'a [u8]) -> Option<&'a [u8]> {
        let from = usize::try_from(self.offset(info)).ok()?;
        start.get(from..from.checked_add(info.length)?)
    }

    /// Verifies the bytes of a block; returns `None` if they are damaged.
    pub(super) fn check(&self, info: &BlockInfo, bytes: Box<[u8]>) -> Option<Block> {
        let is_it = *blake3::hash(&bytes).as_bytes() == info.hash;
        is_it.then(|| Block::new(bytes, info.rows.clone(), self.rows)).flatten()
    }

    /// Returns the block that has `path`. If no block has it, the row before where it would be is in this block.
    pub(super) fn block_of_path(&self, path: &[u8]) -> usize {
        self.last(|info| compare(&self.text[info.path.clone()], path) != Ordering::Greater)
    }

    /// Returns the block that has `row`.
    pub(super) fn block_of_row(&self, row: usize) -> usize {
        self.last(|info| info.rows.start <= row)
    }

    /// Returns the last block for which `is_before` holds. It holds for the first block, and for no block after one
    /// where it does not.
    fn last(&self, is_before: impl Fn(&BlockInfo) -> bool) -> usize {
        self.blocks.partition_point(is_before).saturating_sub(1)
    }

    /// Reports whether both tables have the same rows in the same blocks, as far as the tables show.
    pub(super) fn has_same_rows(&self, other: &Self) -> bool {
        let rows = |table: &Self| table.blocks.iter().map(|info| info.rows.clone()).collect::<Vec<_>>();
        self.text == other.text && rows(self) == rows(other)
    }

    fn length_bytes(&self) -> usize {
        HEAD_BYTES + self.blocks.len() * ENTRY_BYTES + self.text.len()
    }
}

impl BlockInfo {
    fn end(&self) -> u64 {
        self.from + self.length as u64
    }
}

/// Converts a number to its form on disk.
pub(super) fn to_u32(number: usize) -> u32 {
    u32::try_from(number).expect("entries and names are limited to less than 2^32")
}
