//! What is in a layer's tar, and where: one sidecar file, used as it lies on disk.
//!
//! ```text
//! magic, version        16 bytes
//! blake3 of the rest    32
//! origin, row count     8
//! length of the heap    8
//! rows                  ROW_BYTES each, in order of their paths' components; row 0 is the root
//! heap                  paths, link targets, attributes, maps of sparse files
//! ```
//!
//! A row has the *real* modification time where the tar has the clamped one, the blake3 of the file as it really is, and
//! the offset of its bytes in the tar. Each directory on the way to an entry has a row, marked as implied if the layer
//! says nothing of it, so that what is below a directory is a range of rows; each row has the end of that range.
//!
//! Invariant: what [`Index::parse`] has taken is consistent: no accessor can panic or leave the buffer.
//!
//! Rebuildable from the tar, less the real times. Knows no other layer: that is `stack`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use cache::Key;

use super::path::{compare, components, is_below, split, to_path};
use super::sparse::Extent;
use super::{MAX_ENTRIES, MAX_NAMES_BYTES};
use crate::RootfsError;
use crate::entry::{Entry, Kind, Timestamp};

const MAGIC: &[u8; 16] = b"dsbuild index\0\0\x01";
const HEAD_BYTES: usize = 16 + 32 + 8 + 8;
const ROW_BYTES: usize = 112;

/// Whose tar it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// We wrote it: canonical, times clamped.
    Made,
    /// Taken as it was.
    Imported,
}

/// One entry on its way into an index.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Relative to the root, which is empty.
    pub path: Vec<u8>,
    /// With its real time. Every name of a file is a [`Kind::File`] here, never a [`Kind::Hardlink`].
    pub entry: Entry,
    /// A directory that the layer says nothing of.
    pub implied: bool,
    /// Names of one file have the same number; 0 where there is one name only.
    pub group: u32,
    /// Where a file's bytes are.
    pub stored: Stored,
}

/// Where the bytes of a file are in the tar.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    /// The first one.
    pub offset: u64,
    /// The blake3 of the file.
    pub content: [u8; 32],
    /// The parts of a sparse file.
    pub sparse: Option<Vec<Extent>>,
    /// The time that byte code really carries, where the tar has another ([`super::pyc`]).
    pub pyc_mtime: Option<u32>,
}

/// The entries of a layer.
pub(crate) struct Index {
    data: Vec<u8>,
    rows: usize,
}

/// An entry of an index.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    index: &'a Index,
    row: usize,
}

// Fields of a row.
const PATH: usize = 0; // offset u32, length u32
const EXTRA: usize = 8; // link target or map: offset u32, length u32
const XATTRS: usize = 16; // offset u32, length u32
const KIND: usize = 24; // u8
const FLAGS: usize = 25; // u8
const MODE: usize = 26; // u16
const UID: usize = 28;
const GID: usize = 32;
const MTIME_NS: usize = 36;
const MTIME: usize = 40; // i64
const SIZE: usize = 48; // u64; of devices: major << 32 | minor
const OFFSET: usize = 56; // u64
const GROUP: usize = 64; // row of the first name plus 1, or 0
const END: usize = 68; // first row behind all that is below
const PYC: usize = 72;
const CONTENT: usize = 80; // 32 bytes

const IMPLIED: u8 = 1;
const OPAQUE: u8 = 2;
/// The row is or lies below an opaque directory.
const HIDES: u8 = 4;
const SPARSE: u8 = 8;
const HAS_PYC: u8 = 16;

impl Index {
    /// Makes an index of rows in order of their paths, without duplicates. Directories on the way may be missing.
    pub(crate) fn build(rows: Vec<Row>, origin: Origin) -> Result<Self, RootfsError> {
        let rows = with_parents(rows);
        if rows.len() > MAX_ENTRIES {
            return Err(RootfsError::Limit { what: "a layer", limit: format!("{MAX_ENTRIES} entries") });
        }
        let mut encoder = Encoder { heap: Vec::new(), rows: Vec::with_capacity(rows.len() * ROW_BYTES) };
        let ends = ends(&rows);
        let groups = first_names(&rows);
        let mut opaque_until = 0;
        for (number, row) in rows.iter().enumerate() {
            if matches!(row.entry.kind, Kind::Directory { opaque: true }) {
                opaque_until = ends[number].max(opaque_until);
            }
            encoder.row(row, ends[number], groups.get(&row.group).copied(), number < opaque_until)?;
        }
        Ok(encoder.finish(rows.len(), origin))
    }

    /// Takes the bytes of an index file; `None` if they are damaged or of another version.
    pub(crate) fn parse(data: Vec<u8>) -> Option<Self> {
        let body = data.get(48..).filter(|_| data.starts_with(MAGIC))?;
        if *blake3::hash(body).as_bytes() != data[16..48] {
            return None;
        }
        let rows = usize::try_from(u32_at(&data, 52)?).ok()?;
        let heap = usize::try_from(u64_at(&data, 56)?).ok()?;
        let index = Self { data, rows };
        (rows > 0 && index.data.len() == HEAD_BYTES + rows * ROW_BYTES + heap && index.is_sound())
            .then_some(index)
    }

    /// The index at `path`; `None` if there is none or it is damaged.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        Self::parse(fs::read(path).ok()?)
    }

    /// As it lies on disk.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    fn is_sound(&self) -> bool {
        let heap = (self.data.len() - HEAD_BYTES - self.rows * ROW_BYTES) as u64;
        let range_is_sound = |item: &Item<'_>, field: usize| {
            u64::from(item.u32(field)) + u64::from(item.u32(field + 4)) <= heap
        };
        self.items().all(|item| {
            let end = item.u32(END) as usize;
            [PATH, EXTRA, XATTRS].iter().all(|&field| range_is_sound(&item, field))
                && end > item.row
                && end <= self.rows
                && item.u32(GROUP) as usize <= self.rows
                && item.kind_byte() <= KIND_WHITEOUT
        })
    }

    /// Whose tar it is.
    pub(crate) fn origin(&self) -> Origin {
        if self.data[48] == 0 { Origin::Made } else { Origin::Imported }
    }

    /// The root.
    pub(crate) fn root(&self) -> Item<'_> {
        Item { index: self, row: 0 }
    }

    /// All entries, implied directories and the root too, in order of their paths.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item<'_>> {
        (0..self.rows).map(|row| Item { index: self, row })
    }

    /// The entry at `path`.
    pub(crate) fn get(&self, path: &[u8]) -> Option<Item<'_>> {
        self.nearest(path).ok()
    }

    /// The entry at `path`, or else the deepest one on the way to it.
    pub(crate) fn nearest(&self, path: &[u8]) -> Result<Item<'_>, Item<'_>> {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low + (high - low) / 2;
            match compare(Item { index: self, row: middle }.path(), path) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(Item { index: self, row: middle }),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        // What the entry in front and `path` have in common has a row: that is what implied directories are for.
        let before = Item { index: self, row: low.saturating_sub(1) };
        let common = common_directory(before.path(), path);
        match common.len() == before.path().len() {
            true => Err(before),
            false => Err(self.get(common).unwrap_or(self.root())),
        }
    }

    fn heap(&self) -> &[u8] {
        &self.data[HEAD_BYTES + self.rows * ROW_BYTES..]
    }
}

/// The longest path that is `entry` or above it, and above `path`.
fn common_directory<'a>(entry: &'a [u8], path: &[u8]) -> &'a [u8] {
    let mut length = 0;
    for (left, right) in components(entry).zip(components(path)) {
        if left != right {
            break;
        }
        length += left.len() + usize::from(length > 0);
    }
    &entry[..length]
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
    heap: Vec<u8>,
    rows: Vec<u8>,
}

impl Encoder {
    fn row(&mut self, row: &Row, end: usize, first: Option<usize>, hides: bool) -> Result<(), RootfsError> {
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
        Ok(())
    }

    fn put_heap(&mut self, row: &mut [u8; ROW_BYTES], field: usize, value: &[u8]) -> Result<(), RootfsError> {
        if self.heap.len() + value.len() > MAX_NAMES_BYTES {
            let limit = format!("{} MiB", MAX_NAMES_BYTES >> 20);
            return Err(RootfsError::Limit { what: "all names and attributes of a layer", limit });
        }
        row[field..field + 4].copy_from_slice(&small(self.heap.len()).to_le_bytes());
        row[field + 4..field + 8].copy_from_slice(&small(value.len()).to_le_bytes());
        self.heap.extend_from_slice(value);
        Ok(())
    }

    fn finish(self, rows: usize, origin: Origin) -> Index {
        let mut data = Vec::with_capacity(HEAD_BYTES + self.rows.len() + self.heap.len());
        data.extend_from_slice(MAGIC);
        data.extend_from_slice(&[0; 32]);
        data.extend_from_slice(&[u8::from(origin == Origin::Imported), 0, 0, 0]);
        data.extend_from_slice(&small(rows).to_le_bytes());
        data.extend_from_slice(&(self.heap.len() as u64).to_le_bytes());
        data.extend_from_slice(&self.rows);
        data.extend_from_slice(&self.heap);
        let checksum = blake3::hash(&data[48..]);
        data[16..48].copy_from_slice(checksum.as_bytes());
        Index { data, rows }
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("entries and names are limited to less than 2^32")
}

fn flags(row: &Row, hides: bool) -> u8 {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    flag(row.implied, IMPLIED)
        | flag(matches!(row.entry.kind, Kind::Directory { opaque: true }), OPAQUE)
        | flag(hides, HIDES)
        | flag(row.stored.sparse.is_some(), SPARSE)
        | flag(row.stored.pyc_mtime.is_some(), HAS_PYC)
}

const KIND_DIRECTORY: u8 = 0;
const KIND_FILE: u8 = 1;
const KIND_SYMLINK: u8 = 2;
const KIND_CHAR: u8 = 3;
const KIND_BLOCK: u8 = 4;
const KIND_FIFO: u8 = 5;
const KIND_WHITEOUT: u8 = 6;

/// The kind, what of it goes to the heap, and its number.
fn encode_kind(kind: &Kind, sparse: Option<&[Extent]>) -> (u8, Vec<u8>, u64) {
    let device = |major: u32, minor: u32| u64::from(major) << 32 | u64::from(minor);
    match kind {
        Kind::Directory { .. } => (KIND_DIRECTORY, Vec::new(), 0),
        Kind::File { size_bytes } => {
            let numbers = sparse.unwrap_or_default().iter().flat_map(|extent| [extent.at, extent.length]);
            (KIND_FILE, numbers.flat_map(u64::to_le_bytes).collect(), *size_bytes)
        }
        Kind::Symlink { target } => (KIND_SYMLINK, super::path::to_bytes(target).to_vec(), 0),
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

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(data.get(at..at + 8)?.try_into().ok()?))
}

impl<'a> Item<'a> {
    fn bytes(&self) -> &'a [u8] {
        let from = HEAD_BYTES + self.row * ROW_BYTES;
        &self.index.data[from..from + ROW_BYTES]
    }

    fn u32(&self, field: usize) -> u32 {
        u32_at(self.bytes(), field).expect("a field of the row")
    }

    fn u64(&self, field: usize) -> u64 {
        u64_at(self.bytes(), field).expect("a field of the row")
    }

    fn in_heap(&self, field: usize) -> &'a [u8] {
        let from = self.u32(field) as usize;
        &self.index.heap()[from..from + self.u32(field + 4) as usize]
    }

    fn kind_byte(&self) -> u8 {
        self.bytes()[KIND]
    }

    fn has(&self, flag: u8) -> bool {
        self.bytes()[FLAGS] & flag != 0
    }

    /// Its place in the index.
    pub(crate) fn number(&self) -> usize {
        self.row
    }

    /// Its path, relative to the root.
    pub(crate) fn path(&self) -> &'a [u8] {
        self.in_heap(PATH)
    }

    /// The last component of its path; empty for the root.
    pub(crate) fn name(&self) -> &'a [u8] {
        split(self.path()).map_or(b"", |(_, name)| name)
    }

    /// The directory that it is in; the root for the root.
    pub(crate) fn parent(&self) -> Item<'a> {
        split(self.path()).and_then(|(parent, _)| self.index.get(parent)).unwrap_or(self.index.root())
    }

    /// True for all names of a file but the first.
    pub(crate) fn is_further_name(&self) -> bool {
        self.first_name().is_some_and(|first| first.row != self.row)
    }

    /// What it is, with its real time: as trees show it, a further name of a file is a file.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            kind: self.kind(),
            mode: u32::from(u16::from_le_bytes([self.bytes()[MODE], self.bytes()[MODE + 1]])),
            uid: self.u32(UID),
            gid: self.u32(GID),
            mtime: self.mtime(),
            xattrs: self.xattrs(),
        }
    }

    /// What it is, as layers have it: a further name of a file is a [`Kind::Hardlink`] to the first.
    pub(crate) fn layer_entry(&self) -> Entry {
        match self.first_name() {
            Some(first) if first.row != self.row => {
                Entry { kind: Kind::Hardlink { target: to_path(first.path()).to_owned() }, ..self.entry() }
            }
            _ => self.entry(),
        }
    }

    /// What kind of thing it is: as in [`Item::entry`].
    pub(crate) fn kind(&self) -> Kind {
        let (major, minor) = (self.u32(SIZE + 4), self.u32(SIZE));
        match self.kind_byte() {
            KIND_DIRECTORY => Kind::Directory { opaque: self.has(OPAQUE) },
            KIND_FILE => Kind::File { size_bytes: self.u64(SIZE) },
            KIND_SYMLINK => Kind::Symlink { target: PathBuf::from(to_path(self.in_heap(EXTRA))) },
            KIND_CHAR => Kind::CharDevice { major, minor },
            KIND_BLOCK => Kind::BlockDevice { major, minor },
            KIND_FIFO => Kind::Fifo,
            _ => Kind::Whiteout,
        }
    }

    /// Its real time, where that is known.
    pub(crate) fn mtime(&self) -> Timestamp {
        Timestamp { seconds: self.u64(MTIME).cast_signed(), nanoseconds: self.u32(MTIME_NS) }
    }

    fn xattrs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut rest = self.in_heap(XATTRS);
        let mut next = || {
            let length = u32_at(rest, 0)? as usize;
            let text = rest.get(4..4 + length)?;
            rest = &rest[4 + length..];
            Some(text.to_vec())
        };
        std::iter::from_fn(|| Some((next()?, next()?))).collect()
    }

    /// True for a directory, implied or not.
    pub(crate) fn is_dir(&self) -> bool {
        self.kind_byte() == KIND_DIRECTORY
    }

    /// True for a regular file.
    pub(crate) fn is_file(&self) -> bool {
        self.kind_byte() == KIND_FILE
    }

    /// True for a name that this layer removes.
    pub(crate) fn is_whiteout(&self) -> bool {
        self.kind_byte() == KIND_WHITEOUT
    }

    /// True for a directory of which the layer says nothing: a lower layer's metadata counts.
    pub(crate) fn is_implied(&self) -> bool {
        self.has(IMPLIED)
    }

    /// True for a directory that hides what lower layers have in it.
    pub(crate) fn is_opaque(&self) -> bool {
        self.has(OPAQUE)
    }

    /// True if it hides what lower layers have below its path, itself or by a directory above it.
    pub(crate) fn hides_lower(&self) -> bool {
        !self.is_dir() || self.has(HIDES)
    }

    /// The first name of the file of which it is one of several; `None` if it is the only one.
    pub(crate) fn first_name(&self) -> Option<Item<'a>> {
        let first = self.u32(GROUP) as usize;
        first.checked_sub(1).map(|row| Item { index: self.index, row })
    }

    /// The entries directly below it, in order.
    pub(crate) fn children(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let index = self.index;
        let end = self.u32(END) as usize;
        let first = Some(self.row + 1).filter(|&row| row < end);
        std::iter::successors(first, move |&row| {
            Some(Item { index, row }.u32(END) as usize).filter(|&next| next < end)
        })
        .map(move |row| Item { index, row })
    }

    /// Where the bytes of a regular file are.
    pub(crate) fn stored(&self) -> Stored {
        let content = self.bytes()[CONTENT..].try_into().expect("the row ends with 32 bytes");
        Stored {
            offset: self.u64(OFFSET),
            content,
            sparse: self.has(SPARSE).then(|| decode_map(self.in_heap(EXTRA))),
            pyc_mtime: self.has(HAS_PYC).then(|| self.u32(PYC)),
        }
    }

    /// The blake3 of a regular file.
    pub(crate) fn content(&self) -> Key {
        Key::from_bytes(self.stored().content)
    }

    /// The length of a regular file.
    pub(crate) fn size_bytes(&self) -> u64 {
        if self.is_file() { self.u64(SIZE) } else { 0 }
    }
}

fn decode_map(bytes: &[u8]) -> Vec<Extent> {
    let numbers = |chunk: &[u8]| Some(Extent { at: u64_at(chunk, 0)?, length: u64_at(chunk, 8)? });
    bytes.chunks_exact(16).filter_map(numbers).collect()
}
