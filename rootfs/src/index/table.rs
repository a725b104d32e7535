//! The head of an index and the table of its blocks: all that has to be read to find a row.
//!
//! ```text
//! magic, version                     16 bytes
//! blake3 of the rest                 32
//! origin, rows, blocks, text          4 each
//! of each block                      ENTRY_BYTES: length, first row, length of its path, blake3
//! text                               the paths
//! ```
//!
//! Blocks lie behind it, one after the other.

use std::cmp::Ordering;
use std::ops::Range;

use super::Origin;
use super::block::{Block, u32_at};
use crate::path::compare;

const MAGIC: &[u8; 16] = b"dsbuild index\0\0\x02";
const HASHED_FROM: usize = 48;
const HEAD_BYTES: usize = 64;
const ENTRY_BYTES: usize = 44;

/// The blocks of an index.
pub(super) struct Table {
    pub origin: Origin,
    /// Of all blocks.
    pub rows: usize,
    places: Vec<Place>,
    text: Vec<u8>,
}

/// Where a block is, and what it is to be.
pub(super) struct Place {
    /// Behind the table.
    from: u64,
    pub length: usize,
    rows: Range<usize>,
    /// Of the first row's path, in the text.
    path: Range<usize>,
    hash: [u8; 32],
}

impl Table {
    /// One of no blocks.
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin, rows: 0, places: Vec::new(), text: Vec::new() }
    }

    /// Adds the block that comes next.
    pub(super) fn push(&mut self, path: &[u8], rows: usize, bytes: &[u8]) {
        self.add(path.len(), rows, bytes.len(), *blake3::hash(bytes).as_bytes());
        self.text.extend_from_slice(path);
    }

    fn add(&mut self, path_bytes: usize, rows: usize, length: usize, hash: [u8; 32]) {
        let from = self.places.last().map_or(0, Place::end);
        let path = self.places.last().map_or(0, |last| last.path.end);
        let place =
            Place { from, length, rows: self.rows..self.rows + rows, path: path..path + path_bytes, hash };
        self.rows += rows;
        self.places.push(place);
    }

    /// As it lies on disk.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.length_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[0; HASHED_FROM - MAGIC.len()]);
        let origin = usize::from(self.origin == Origin::Imported);
        for number in [origin, self.rows, self.places.len(), self.text.len()] {
            bytes.extend_from_slice(&small(number).to_le_bytes());
        }
        for place in &self.places {
            for number in [place.length, place.rows.len(), place.path.len()] {
                bytes.extend_from_slice(&small(number).to_le_bytes());
            }
            bytes.extend_from_slice(&place.hash);
        }
        bytes.extend_from_slice(&self.text);
        let hash = blake3::hash(&bytes[HASHED_FROM..]);
        bytes[MAGIC.len()..HASHED_FROM].copy_from_slice(hash.as_bytes());
        bytes
    }

    /// How long head and table are that begin with `start`; not checked. `None` if it is none of this version.
    pub(super) fn length(start: &[u8]) -> Option<usize> {
        let start = start.get(..HEAD_BYTES).filter(|start| start.starts_with(MAGIC))?;
        let number = |at| usize::try_from(u32_at(start, at)?).ok();
        number(56)?.checked_mul(ENTRY_BYTES)?.checked_add(number(60)?)?.checked_add(HEAD_BYTES)
    }

    /// What [`Table::encode`] gave; `None` if it is damaged.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if Self::length(bytes)? != bytes.len()
            || *blake3::hash(&bytes[HASHED_FROM..]).as_bytes() != bytes[MAGIC.len()..HASHED_FROM]
        {
            return None;
        }
        let number = |at| usize::try_from(u32_at(bytes, at)?).ok();
        let mut table = Self::new(if number(48)? == 0 { Origin::Made } else { Origin::Imported });
        let text_at = HEAD_BYTES + number(56)? * ENTRY_BYTES;
        for at in (HEAD_BYTES..text_at).step_by(ENTRY_BYTES) {
            let (length, rows, path_bytes) = (number(at)?, number(at + 4)?, number(at + 8)?);
            table.add(path_bytes, rows, length, bytes[at + 12..at + ENTRY_BYTES].try_into().ok()?);
        }
        table.text = bytes[text_at..].to_vec();
        table.is_sound(number(52)?).then_some(table)
    }

    fn is_sound(&self, rows: usize) -> bool {
        let text = self.places.last().map_or(0, |last| last.path.end);
        self.rows == rows
            && text == self.text.len()
            && self.places.iter().all(|place| !place.rows.is_empty())
            && self.places.first().is_some_and(|root| root.path.is_empty())
    }

    /// The blocks, in order.
    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Where in the file a block is.
    pub(super) fn offset(&self, place: &Place) -> u64 {
        self.length_bytes() as u64 + place.from
    }

    /// The length of the file.
    pub(super) fn end(&self) -> u64 {
        self.length_bytes() as u64 + self.places.last().map_or(0, Place::end)
    }

    /// The bytes of a block, if they are in the first ones of the file.
    pub(super) fn bytes_in<'a>(&self, place: &Place, start: &'a [u8]) -> Option<&'a [u8]> {
        let from = usize::try_from(self.offset(place)).ok()?;
        start.get(from..from.checked_add(place.length)?)
    }

    /// Takes the bytes of a block; `None` if they are not what they were.
    pub(super) fn check(&self, place: &Place, bytes: Box<[u8]>) -> Option<Block> {
        let is_it = *blake3::hash(&bytes).as_bytes() == place.hash;
        is_it.then(|| Block::new(bytes, place.rows.clone(), self.rows)).flatten()
    }

    /// The only block that can have `path`, and else the entry in front of it.
    pub(super) fn block_of_path(&self, path: &[u8]) -> usize {
        self.last(|place| compare(&self.text[place.path.clone()], path) != Ordering::Greater)
    }

    /// The block of a row.
    pub(super) fn block_of_row(&self, row: usize) -> usize {
        self.last(|place| place.rows.start <= row)
    }

    /// The last block of the first ones of which this is true, as it is of the very first.
    fn last(&self, is_before: impl Fn(&Place) -> bool) -> usize {
        self.places.partition_point(is_before).saturating_sub(1)
    }

    /// True if both have the same rows in the same blocks, as far as can be told from here.
    pub(super) fn has_borders_of(&self, other: &Self) -> bool {
        let rows = |table: &Self| table.places.iter().map(|place| place.rows.clone()).collect::<Vec<_>>();
        self.text == other.text && rows(self) == rows(other)
    }

    fn length_bytes(&self) -> usize {
        HEAD_BYTES + self.places.len() * ENTRY_BYTES + self.text.len()
    }
}

impl Place {
    fn end(&self) -> u64 {
        self.from + self.length as u64
    }
}

/// A number as it lies on disk.
pub(super) fn small(number: usize) -> u32 {
    u32::try_from(number).expect("entries and names are limited to less than 2^32")
}
