//! Rows become an index.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use super::block::{
    Block, CONTENT, END, EXTRA, FLAGS, GID, GROUP, HAS_PYC, HIDES, IMPLIED, KIND, KIND_BLOCK, KIND_CHAR,
    KIND_DIRECTORY, KIND_FIFO, KIND_FILE, KIND_SYMLINK, KIND_WHITEOUT, MODE, MTIME, MTIME_NS, OFFSET, OPAQUE,
    PATH, PYC, ROW_BYTES, SIZE, SPARSE, UID, XATTRS,
};
use super::table::{Table, small};
use super::{Index, Origin, Row, Stored, common_directory};
use super::{MAX_ENTRIES, MAX_NAMES_BYTES};
use crate::RootfsError;
use crate::entry::{Entry, Kind};
use crate::path::{is_below, split, to_bytes};
use crate::tar::Extent;

/// A block that has so much is full: with a head and a table of one, it comes with the first read of a file.
pub(super) const FULL_BYTES: usize = 56 << 10;

impl Index {
    /// Makes an index of rows in order of their paths, without duplicates. Directories on the way may be missing.
    pub(crate) fn build(rows: Vec<Row>, origin: Origin) -> Result<Self, RootfsError> {
        let rows = with_parents(rows);
        if rows.len() > MAX_ENTRIES {
            return Err(RootfsError::Limit { what: "a layer", limit: format!("{MAX_ENTRIES} entries") });
        }
        let mut encoder = Encoder::new(origin);
        let ends = ends(&rows);
        let groups = first_names(&rows);
        let mut opaque_until = 0;
        for (number, row) in rows.into_iter().enumerate() {
            if matches!(row.entry.kind, Kind::Directory { opaque: true }) {
                opaque_until = ends[number].max(opaque_until);
            }
            encoder.row(&row, ends[number], groups.get(&row.group).copied(), number < opaque_until)?;
        }
        Ok(encoder.finish())
    }
}

/// Adds the directories that paths lead through and that have no row of their own.
fn with_parents(rows: Vec<Row>) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::with_capacity(rows.len() + 1);
    if rows.first().is_none_or(|row| !row.path.is_empty()) {
        all.push(implied(&[]));
    }
    for row in rows {
        let previous = all.last().map_or(&b""[..], |row| &row.path);
        let mut known = common_directory(previous, &row.path).len();
        let parent = split(&row.path).map_or(0, |(parent, _)| parent.len());
        while known < parent {
            let from = known + usize::from(known > 0);
            let next =
                row.path[from..].iter().position(|&byte| byte == b'/').unwrap_or(row.path.len() - from);
            known = from + next;
            all.push(implied(&row.path[..known]));
        }
        all.push(row);
    }
    all
}

/// A directory of which a layer says nothing.
pub(crate) fn implied(path: &[u8]) -> Row {
    Row {
        path: path.to_vec(),
        entry: Entry::directory(0o755),
        implied: true,
        group: 0,
        stored: Stored::default(),
    }
}

/// For each row, the first row behind all that is below it.
fn ends(rows: &[Row]) -> Vec<usize> {
    let mut ends = vec![rows.len(); rows.len()];
    let mut open: Vec<usize> = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        while let Some(&last) = open.last().filter(|&&last| !is_below(&row.path, &rows[last].path)) {
            ends[last] = number;
            open.pop();
        }
        open.push(number);
    }
    ends
}

/// The first row of each group that has more than one.
fn first_names(rows: &[Row]) -> HashMap<u32, usize> {
    let mut seen: HashMap<u32, (usize, usize)> = HashMap::new();
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| row.group != 0) {
        seen.entry(row.group).or_insert((number, 0)).1 += 1;
    }
    seen.into_iter().filter(|(_, (_, names))| *names > 1).map(|(group, (first, _))| (group, first)).collect()
}

struct Encoder {
    table: Table,
    done: Vec<(Box<[u8]>, usize)>,
    /// Of the blocks that are done.
    names_bytes: usize,
    /// The block that is not yet full: its first path, rows and heap.
    path: Vec<u8>,
    rows: Vec<u8>,
    heap: Vec<u8>,
}

impl Encoder {
    fn new(origin: Origin) -> Self {
        let (path, rows, heap) = (Vec::new(), Vec::new(), Vec::new());
        Self { table: Table::new(origin), done: Vec::new(), names_bytes: 0, path, rows, heap }
    }

    fn row(&mut self, row: &Row, end: usize, first: Option<usize>, hides: bool) -> Result<(), RootfsError> {
        if self.rows.is_empty() {
            self.path.clone_from(&row.path);
        }
        let mut bytes = [0; ROW_BYTES];
        let (kind, extra, size) = encode_kind(&row.entry.kind, row.stored.sparse.as_deref());
        self.put_heap(&mut bytes, PATH, &row.path)?;
        self.put_heap(&mut bytes, EXTRA, &extra)?;
        self.put_heap(&mut bytes, XATTRS, &encode_xattrs(&row.entry.xattrs))?;
        bytes[KIND] = kind;
        bytes[FLAGS] = flags(row, hides);
        bytes[MODE..MODE + 2]
            .copy_from_slice(&u16::try_from(row.entry.mode & 0o7777).unwrap_or(0).to_le_bytes());
        for (field, value) in [
            (UID, row.entry.uid),
            (GID, row.entry.gid),
            (MTIME_NS, row.entry.mtime.nanoseconds),
            (GROUP, first.map_or(0, |first| small(first + 1))),
            (END, small(end)),
            (PYC, row.stored.pyc_mtime.unwrap_or(0)),
        ] {
            bytes[field..field + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes[MTIME..MTIME + 8].copy_from_slice(&row.entry.mtime.seconds.to_le_bytes());
        bytes[SIZE..SIZE + 8].copy_from_slice(&size.to_le_bytes());
        bytes[OFFSET..OFFSET + 8].copy_from_slice(&row.stored.offset.to_le_bytes());
        bytes[CONTENT..].copy_from_slice(&row.stored.content);
        self.rows.extend_from_slice(&bytes);
        if self.rows.len() + self.heap.len() >= FULL_BYTES {
            self.end_block();
        }
        Ok(())
    }

    fn put_heap(&mut self, row: &mut [u8; ROW_BYTES], field: usize, value: &[u8]) -> Result<(), RootfsError> {
        if self.names_bytes + self.heap.len() + value.len() > MAX_NAMES_BYTES {
            let limit = format!("{} MiB", MAX_NAMES_BYTES >> 20);
            return Err(RootfsError::Limit { what: "all names and attributes of a layer", limit });
        }
        row[field..field + 4].copy_from_slice(&small(self.heap.len()).to_le_bytes());
        row[field + 4..field + 8].copy_from_slice(&small(value.len()).to_le_bytes());
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

    fn finish(mut self) -> Index {
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

fn flags(row: &Row, hides: bool) -> u8 {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    flag(row.implied, IMPLIED)
        | flag(matches!(row.entry.kind, Kind::Directory { opaque: true }), OPAQUE)
        | flag(hides, HIDES)
        | flag(row.stored.sparse.is_some(), SPARSE)
        | flag(row.stored.pyc_mtime.is_some(), HAS_PYC)
}

/// The kind, what of it goes to the heap, and its number.
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

/// `u32 length, name, u32 length, value`, in order of the names.
fn encode_xattrs(xattrs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in xattrs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&small(text.len()).to_le_bytes());
        bytes.extend_from_slice(text);
    }
    bytes
}
