//! A block of an index: rows that lie together, and the heap that they share.

use std::cmp::Ordering;
use std::ops::Range;

use super::row_format::{END, EXTRA, GROUP, KIND, KIND_WHITEOUT, PATH, ROW_BYTES, XATTRS, u32_at, u64_at};
use trees::path::compare;

/// Block that has been verified: none of its fields leads out of it.
pub(super) struct Block {
    bytes: Box<[u8]>,
    rows: Range<usize>,
}

impl Block {
    /// Verifies the block with these rows, of an index that has `all_rows`. Returns `None` if a field points outside
    /// the block or to a row that does not exist.
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

    /// Returns the block in the form that it has on disk.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the numbers of its rows within the index.
    pub(super) fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Returns the bytes of a row.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        let from = (row - self.rows.start) * ROW_BYTES;
        &self.bytes[from..from + ROW_BYTES]
    }

    /// Returns a 4-byte field of a row.
    pub(super) fn u32(&self, row: usize, field: usize) -> u32 {
        u32_at(self.row(row), field).expect("a field of the row")
    }

    /// Returns an 8-byte field of a row.
    pub(super) fn u64(&self, row: usize, field: usize) -> u64 {
        u64_at(self.row(row), field).expect("a field of the row")
    }

    /// Returns the bytes in the heap that a field of a row refers to.
    pub(super) fn in_heap(&self, row: usize, field: usize) -> &[u8] {
        let from = self.rows.len() * ROW_BYTES + self.u32(row, field) as usize;
        &self.bytes[from..from + self.u32(row, field + 4) as usize]
    }

    /// Returns the row of `path`, or else (`Err`) the row before where it would be.
    pub(super) fn find(&self, path: &[u8]) -> Result<usize, usize> {
        let (mut low, mut high) = (self.rows.start, self.rows.end);
        while low < high {
            let middle = low + (high - low) / 2;
            match compare(self.in_heap(middle, PATH), path) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low.saturating_sub(1).max(self.rows.start))
    }
}
