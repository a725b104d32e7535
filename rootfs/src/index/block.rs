//! Rows that lie together, and the heap that is theirs.

use std::ops::Range;

use crate::path::compare;

pub(super) const ROW_BYTES: usize = 112;

// Fields of a row. What is in the heap has an offset and a length there, of 4 bytes each.
pub(super) const PATH: usize = 0;
pub(super) const EXTRA: usize = 8; // link target or map
pub(super) const XATTRS: usize = 16;
pub(super) const KIND: usize = 24; // u8
pub(super) const FLAGS: usize = 25; // u8
pub(super) const MODE: usize = 26; // u16
pub(super) const UID: usize = 28;
pub(super) const GID: usize = 32;
pub(super) const MTIME_NS: usize = 36;
pub(super) const MTIME: usize = 40; // i64
pub(super) const SIZE: usize = 48; // u64; of devices: major << 32 | minor
pub(super) const OFFSET: usize = 56; // u64
pub(super) const GROUP: usize = 64; // row of the first name plus 1, or 0
pub(super) const END: usize = 68; // first row behind all that is below
pub(super) const PYC: usize = 72;
pub(super) const CONTENT: usize = 80; // 32 bytes

// Flags.
pub(super) const IMPLIED: u8 = 1;
pub(super) const OPAQUE: u8 = 2;
/// The row is or lies below an opaque directory.
pub(super) const HIDES: u8 = 4;
pub(super) const SPARSE: u8 = 8;
pub(super) const HAS_PYC: u8 = 16;

// Kinds.
pub(super) const KIND_DIRECTORY: u8 = 0;
pub(super) const KIND_FILE: u8 = 1;
pub(super) const KIND_SYMLINK: u8 = 2;
pub(super) const KIND_CHAR: u8 = 3;
pub(super) const KIND_BLOCK: u8 = 4;
pub(super) const KIND_FIFO: u8 = 5;
pub(super) const KIND_WHITEOUT: u8 = 6;

/// A block that is sound.
pub(super) struct Block {
    bytes: Box<[u8]>,
    rows: Range<usize>,
}

impl Block {
    /// The block of these rows, in an index that has `all_rows`; `None` if something in it leads out of it or of them.
    pub(super) fn new(bytes: Box<[u8]>, rows: Range<usize>, all_rows: usize) -> Option<Self> {
        let block = Self { bytes, rows };
        let heap = block.bytes.len().checked_sub(block.rows.len().checked_mul(ROW_BYTES)?)? as u64;
        let is_inside = |row: usize, field: usize| {
            u64::from(block.u32(row, field)) + u64::from(block.u32(row, field + 4)) <= heap
        };
        let is_sound = |row: usize| {
            let end = block.u32(row, END) as usize;
            [PATH, EXTRA, XATTRS].iter().all(|&field| is_inside(row, field))
                && end > row
                && end <= all_rows
                && block.u32(row, GROUP) as usize <= row + 1
                && block.row(row)[KIND] <= KIND_WHITEOUT
        };
        block.rows().all(is_sound).then_some(block)
    }

    /// As it lies on disk.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The numbers of its rows, of those of the index.
    pub(super) fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// A row.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        let from = (row - self.rows.start) * ROW_BYTES;
        &self.bytes[from..from + ROW_BYTES]
    }

    /// A field of a row.
    pub(super) fn u32(&self, row: usize, field: usize) -> u32 {
        u32_at(self.row(row), field).expect("a field of the row")
    }

    /// A field of a row.
    pub(super) fn u64(&self, row: usize, field: usize) -> u64 {
        u64_at(self.row(row), field).expect("a field of the row")
    }

    /// What a field of a row has in the heap.
    pub(super) fn in_heap(&self, row: usize, field: usize) -> &[u8] {
        let from = self.rows.len() * ROW_BYTES + self.u32(row, field) as usize;
        &self.bytes[from..from + self.u32(row, field + 4) as usize]
    }

    /// The row of `path`, or else the one in front of where it would be.
    pub(super) fn find(&self, path: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (self.rows.start, self.rows.end);
        while low < high {
            let middle = low + (high - low) / 2;
            match compare(self.in_heap(middle, PATH), path) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low.saturating_sub(1).max(self.rows.start))
    }
}

pub(super) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(data.get(at..at + 8)?.try_into().ok()?))
}
