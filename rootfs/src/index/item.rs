//! What a row says.
//!
//! What is in the row's own block is at hand; what leads to other rows may have to be read.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use cache::Key;

use super::block::{
    Block, CONTENT, END, EXTRA, FLAGS, GID, GROUP, HAS_PYC, HIDES, IMPLIED, KIND, KIND_BLOCK, KIND_CHAR,
    KIND_DIRECTORY, KIND_FIFO, KIND_FILE, KIND_SYMLINK, KIND_WHITEOUT, MODE, MTIME, MTIME_NS, OFFSET, OPAQUE,
    PATH, PYC, SIZE, SPARSE, UID, XATTRS, u32_at, u64_at,
};
use super::{Index, Stored};
use crate::entry::{Entry, Kind, Timestamp};
use crate::path::{split, to_path};
use crate::tar::Extent;

/// An entry of an index.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    index: &'a Index,
    block: &'a Block,
    row: usize,
}

impl<'a> Item<'a> {
    /// A row of `block`.
    pub(super) fn new(index: &'a Index, block: &'a Block, row: usize) -> Self {
        Self { index, block, row }
    }

    fn bytes(&self) -> &'a [u8] {
        self.block.row(self.row)
    }

    fn u32(&self, field: usize) -> u32 {
        self.block.u32(self.row, field)
    }

    fn u64(&self, field: usize) -> u64 {
        self.block.u64(self.row, field)
    }

    fn in_heap(&self, field: usize) -> &'a [u8] {
        self.block.in_heap(self.row, field)
    }

    fn kind_byte(&self) -> u8 {
        self.bytes()[KIND]
    }

    fn has(&self, flag: u8) -> bool {
        self.bytes()[FLAGS] & flag != 0
    }

    /// Another entry of the index.
    fn other(&self, row: usize) -> io::Result<Item<'a>> {
        match self.block.rows().contains(&row) {
            true => Ok(Item { row, ..*self }),
            false => self.index.item(row),
        }
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
    pub(crate) fn parent(&self) -> io::Result<Item<'a>> {
        let parent = split(self.path()).map(|(parent, _)| self.index.get(parent)).transpose()?.flatten();
        parent.map_or_else(|| self.index.root(), Ok)
    }

    /// The place of the first name of the file of which it is one of several; `None` if it is the only one.
    pub(crate) fn first_number(&self) -> Option<usize> {
        (self.u32(GROUP) as usize).checked_sub(1)
    }

    /// True for all names of a file but the first.
    pub(crate) fn is_further_name(&self) -> bool {
        self.first_number().is_some_and(|first| first != self.row)
    }

    /// The first name of the file of which it is a further one.
    pub(crate) fn first_name(&self) -> io::Result<Option<Item<'a>>> {
        self.first_number().filter(|&first| first != self.row).map(|first| self.other(first)).transpose()
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
    pub(crate) fn layer_entry(&self) -> io::Result<Entry> {
        Ok(match self.first_name()? {
            Some(first) => {
                Entry { kind: Kind::Hardlink { target: to_path(first.path()).to_owned() }, ..self.entry() }
            }
            None => self.entry(),
        })
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

    /// The entries directly below it, in order. Blocks that lie between them are not read.
    pub(crate) fn children(&self) -> io::Result<Vec<Item<'a>>> {
        let end = self.u32(END) as usize;
        let mut children = Vec::new();
        let mut last = *self;
        let mut next = self.row + 1;
        while next < end {
            last = last.other(next)?;
            next = last.u32(END) as usize;
            children.push(last);
        }
        Ok(children)
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
