//! Encoding of rows as blocks and a table.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Index;
use super::block::Block;
use super::limits::{MAX_NAMES_BYTES, too_many_names};
use super::row::{Origin, Row};
use super::row_format::{
    CONTENT, END, EXTRA, FLAGS, GID, GROUP, HAS_PYC, HIDES, IMPLIED, KIND, KIND_BLOCK, KIND_CHAR,
    KIND_DIRECTORY, KIND_FIFO, KIND_FILE, KIND_SYMLINK, KIND_WHITEOUT, MODE, MTIME, MTIME_NS, OFFSET, OPAQUE,
    PATH, PYC, ROW_BYTES, SIZE, SPARSE, UID, XATTRS,
};
use super::table::{Table, to_u32};
use crate::RootfsError;
use tarball::Extent;
use trees::entry::Kind;
use trees::path::to_bytes;

/// Length from which a block is full. With the head and a table of one block, it still comes with the first read of a
/// file ([`super::START_BYTES`]).
pub(super) const FULL_BYTES: usize = 56 << 10;

/// Encoder of an index, row by row.
pub(super) struct Encoder {
    table: Table,
    done: Vec<(Box<[u8]>, usize)>,
    /// Length of the heaps of the blocks that are done.
    names_bytes: usize,
    /// Path of the first row of the block that is not full yet, with its rows and its heap.
    path: Vec<u8>,
    rows: Vec<u8>,
    heap: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(origin: Origin) -> Self {
        let (path, rows, heap) = (Vec::new(), Vec::new(), Vec::new());
        Self { table: Table::new(origin), done: Vec::new(), names_bytes: 0, path, rows, heap }
    }

    /// Adds the next row. `end` is the first row that is not below it; `first` is the row of the file's first name if
    /// it has several; `hides` is whether it is in or below an opaque directory.
    pub(super) fn row(
        &mut self,
        row: &Row,
        end: usize,
        first: Option<usize>,
        hides: bool,
    ) -> Result<(), RootfsError> {
        if self.rows.is_empty() {
            self.path.clone_from(&row.path);
        }
        self.table.has_implied |= row.implied && !row.path.is_empty();
        let mut bytes = [0; ROW_BYTES];
        let (kind, extra, size) = encode_kind(&row.entry.kind, row.stored.sparse.as_deref());
        self.put_heap(&mut bytes, PATH, &row.path)?;
        self.put_heap(&mut bytes, EXTRA, &extra)?;
        self.put_heap(&mut bytes, XATTRS, &encode_xattrs(&row.entry.xattrs))?;
        bytes[KIND] = kind;
        bytes[FLAGS] = flags(row, hides);
        put_numbers(&mut bytes, row, size);
        put_u32(&mut bytes, GROUP, first.map_or(0, |first| to_u32(first + 1)));
        put_u32(&mut bytes, END, to_u32(end));
        self.rows.extend_from_slice(&bytes);
        if self.rows.len() + self.heap.len() >= FULL_BYTES {
            self.end_block();
        }
        Ok(())
    }

    /// Appends a value to the heap, and sets the field that refers to it.
    fn put_heap(&mut self, row: &mut [u8; ROW_BYTES], field: usize, value: &[u8]) -> Result<(), RootfsError> {
        if self.names_bytes + self.heap.len() + value.len() > MAX_NAMES_BYTES {
            return Err(too_many_names());
        }
        put_u32(row, field, to_u32(self.heap.len()));
        put_u32(row, field + 4, to_u32(value.len()));
        self.heap.extend_from_slice(value);
        Ok(())
    }

    fn end_block(&mut self) {
        let rows = self.rows.len() / ROW_BYTES;
        let bytes = [&self.rows[..], &self.heap].concat();
        self.table.push(&self.path, rows, &bytes);
        self.done.push((bytes.into(), rows));
        self.names_bytes += self.heap.len();
        self.rows.clear();
        self.heap.clear();
    }

    /// Returns the index of all rows.
    pub(super) fn finish(mut self) -> Index {
        if !self.rows.is_empty() {
            self.end_block();
        }
        let mut from = 0;
        let mut block = |(bytes, rows): (Box<[u8]>, usize)| {
            let range = from..from + rows;
            from += rows;
            OnceLock::from(Block::new(bytes, range, self.table.rows).expect("it was made right"))
        };
        let blocks = self.done.into_iter().map(&mut block).collect();
        Index::of(self.table, blocks)
    }
}

/// Sets the fields of a row that are plain numbers.
fn put_numbers(bytes: &mut [u8; ROW_BYTES], row: &Row, size: u64) {
    let mode = u16::try_from(row.entry.mode & 0o7777).unwrap_or(0);
    bytes[MODE..MODE + 2].copy_from_slice(&mode.to_le_bytes());
    put_u32(bytes, UID, row.entry.uid);
    put_u32(bytes, GID, row.entry.gid);
    put_u32(bytes, MTIME_NS, row.entry.mtime.nanoseconds);
    put_u32(bytes, PYC, row.stored.pyc_mtime.unwrap_or(0));
    put_u64(bytes, MTIME, row.entry.mtime.seconds.cast_unsigned());
    put_u64(bytes, SIZE, size);
    put_u64(bytes, OFFSET, row.stored.offset);
    bytes[CONTENT..].copy_from_slice(&row.stored.content);
}

fn put_u32(bytes: &mut [u8; ROW_BYTES], field: usize, value: u32) {
    bytes[field..field + 4].copy_from_slice(&value.to_le_bytes());
}

fn put_u64(bytes: &mut [u8; ROW_BYTES], field: usize, value: u64) {
    bytes[field..field + 8].copy_from_slice(&value.to_le_bytes());
}

fn flags(row: &Row, hides: bool) -> u8 {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    flag(row.implied, IMPLIED)
        | flag(matches!(row.entry.kind, Kind::Directory { opaque: true }), OPAQUE)
        | flag(hides, HIDES)
        | flag(row.stored.sparse.is_some(), SPARSE)
        | flag(row.stored.pyc_mtime.is_some(), HAS_PYC)
}

/// Returns the number of a kind, its part of the heap, and the value of its size field.
fn encode_kind(kind: &Kind, sparse: Option<&[Extent]>) -> (u8, Vec<u8>, u64) {
    let device = |major: u32, minor: u32| u64::from(major) << 32 | u64::from(minor);
    match kind {
        Kind::Directory { .. } => (KIND_DIRECTORY, Vec::new(), 0),
        Kind::File { size_bytes } => {
            let numbers = sparse.unwrap_or_default().iter().flat_map(|extent| [extent.at, extent.length]);
            (KIND_FILE, numbers.flat_map(u64::to_le_bytes).collect(), *size_bytes)
        }
        Kind::Symlink { target } => (KIND_SYMLINK, to_bytes(target).to_vec(), 0),
        Kind::CharDevice { major, minor } => (KIND_CHAR, Vec::new(), device(*major, *minor)),
        Kind::BlockDevice { major, minor } => (KIND_BLOCK, Vec::new(), device(*major, *minor)),
        Kind::Fifo => (KIND_FIFO, Vec::new(), 0),
        Kind::Whiteout => (KIND_WHITEOUT, Vec::new(), 0),
        Kind::Hardlink { .. } => unreachable!("each name of a file has a row of the file"),
    }
}

/// Encodes attributes as `u32 length, name, u32 length, value`, in the order of their names.
fn encode_xattrs(xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in xattrs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&to_u32(text.len()).to_le_bytes());
        bytes.extend_from_slice(text);
    }
    bytes
}
