//! An entry of an index, as it is read back from a row.
//!
//! The row's own block is in memory. Methods that lead to other rows can read further blocks, so they return
//! `io::Result`.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use cache::ContentDigest;

use super::Index;
use super::block::Block;
use super::row::Stored;
use super::row_format::{
    CONTENT, END, EXTRA, FLAGS, GID, GROUP, HAS_PYC, HIDES, IMPLIED, KIND, KIND_BLOCK, KIND_CHAR,
    KIND_DIRECTORY, KIND_FIFO, KIND_FILE, KIND_SYMLINK, KIND_WHITEOUT, MODE, MTIME, MTIME_NS, OFFSET, OPAQUE,
    PATH, PYC, SIZE, SPARSE, UID, XATTRS, u32_at, u64_at,
};
use tarball::Extent;
use trees::entry::{Entry, Kind, Timestamp};
use trees::path::{split, to_path};

/// Entry of an index; cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    index: &'a Index,
    block: &'a Block,
    row: usize,
}

impl<'a> Item<'a> {
    /// Returns the entry of a row of `block`.
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

    /// Returns the entry of another row.
    fn other(&self, row: usize) -> io::Result<Item<'a>> {
        if self.block.rows().contains(&row) { Ok(Item { row, ..*self }) } else { self.index.item(row) }
    }

    /// Returns the number of its row, which identifies it within the index.
    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// Returns its path relative to the root.
    pub(crate) fn path(&self) -> &'a [u8] {
        self.in_heap(PATH)
    }

    /// Returns the last component of its path; empty for the root.
    pub(crate) fn name(&self) -> &'a [u8] {
        split(self.path()).map_or(b"", |(_, name)| name)
    }

    /// Returns the directory that it is in; the root for the root itself.
    pub(crate) fn parent(&self) -> io::Result<Item<'a>> {
        let parent = split(self.path()).map(|(parent, _)| self.index.get(parent)).transpose()?.flatten();
        parent.map_or_else(|| self.index.root(), Ok)
    }

    /// Returns the row of the file's first name, which can be this one; `None` for a file with one name.
    pub(crate) fn first_name_row(&self) -> Option<usize> {
        (self.u32(GROUP) as usize).checked_sub(1)
    }

    /// Reports whether it is one of several names of a file, but not the first.
    pub(crate) fn is_hard_link(&self) -> bool {
        self.first_name_row().is_some_and(|first| first != self.row)
    }

    /// Returns the first name of the file if this is another one.
    pub(crate) fn first_name(&self) -> io::Result<Option<Item<'a>>> {
        self.first_name_row().filter(|&first| first != self.row).map(|first| self.other(first)).transpose()
    }

    /// Returns its metadata with the real time, as a tree shows it: every hard link is a file.
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

    /// Returns its metadata as a layer describes it: every name of a file but the first is a [`Kind::Hardlink`] to
    /// the first.
    pub(crate) fn layer_entry(&self) -> io::Result<Entry> {
        Ok(match self.first_name()? {
            Some(first) => {
                Entry { kind: Kind::Hardlink { target: to_path(first.path()).to_owned() }, ..self.entry() }
            }
            None => self.entry(),
        })
    }

    /// Returns its kind, as in [`Item::entry`].
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

    /// Returns its modification time: the real one if it is known, else that of the tar.
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

    /// Reports whether it is a directory, implied or not.
    pub(crate) fn is_dir(&self) -> bool {
        self.kind_byte() == KIND_DIRECTORY
    }

    /// Reports whether it is a regular file.
    pub(crate) fn is_file(&self) -> bool {
        self.kind_byte() == KIND_FILE
    }

    /// Reports whether it is a name that this layer removes.
    pub(crate) fn is_whiteout(&self) -> bool {
        self.kind_byte() == KIND_WHITEOUT
    }

    /// Reports whether the layer does not describe this directory, so that a lower layer's metadata counts.
    pub(crate) fn is_implied(&self) -> bool {
        self.has(IMPLIED)
    }

    /// Reports whether it is a directory that hides the content of the same directory in lower layers.
    pub(crate) fn is_opaque(&self) -> bool {
        self.has(OPAQUE)
    }

    /// Reports whether it hides everything at and below its path in lower layers, itself or by a directory above it.
    pub(crate) fn hides_lower(&self) -> bool {
        !self.is_dir() || self.has(HIDES)
    }

    /// Returns the entries directly below it, in order. Reads only blocks that have one of them.
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

    /// Returns the position of a regular file's bytes.
    pub(crate) fn stored(&self) -> Stored {
        let content = self.bytes()[CONTENT..].try_into().expect("the row ends with 32 bytes");
        Stored {
            offset: self.u64(OFFSET),
            content,
            sparse: self.has(SPARSE).then(|| decode_map(self.in_heap(EXTRA))),
            pyc_mtime: self.has(HAS_PYC).then(|| self.u32(PYC)),
        }
    }

    /// Returns the blake3 of a regular file's content.
    pub(crate) fn content(&self) -> ContentDigest {
        ContentDigest::from_bytes(self.stored().content)
    }

    /// Returns the length of a regular file; 0 for other kinds.
    pub(crate) fn size_bytes(&self) -> u64 {
        if self.is_file() { self.u64(SIZE) } else { 0 }
    }
}

fn decode_map(bytes: &[u8]) -> Vec<Extent> {
    let numbers = |chunk: &[u8]| Some(Extent { at: u64_at(chunk, 0)?, length: u64_at(chunk, 8)? });
    bytes.chunks_exact(16).filter_map(numbers).collect()
}
