//! What is in a layer's tar, and where: one sidecar file, of which is read what is asked for.
//!
//! ```text
//! head     magic and version, blake3 of the rest of head and table, origin, counts
//! table    of each block its length, its first row with the path of that, and its blake3
//! blocks   rows, ROW_BYTES each; behind them their heap: paths, link targets, attributes, maps of sparse files
//! ```
//!
//! ```text
//! table   head and table
//! block   rows and their heap
//! build   rows -> blocks and table
//! item    what a row says
//! ```
//!
//! Rows are in order of their paths' components; row 0 is the root. A row has the *real* modification time where the tar
//! has the clamped one, the blake3 of the file as it really is, and the offset of its bytes in the tar. Each directory on
//! the way to an entry has a row, marked as implied if the layer says nothing of it, so that what is below a directory is
//! a range of rows; each row has the end of that range.
//!
//! To look up a path is to search the table for its block, and that for its row. A block is read and checked when first
//! asked for, and stays: what is read grows with the look-ups, and not with the layer. Small layers come whole with
//! the first read.
//!
//! Invariants: no accessor of a block that was taken can panic or leave it, and none leads out of the rows. What is
//! damaged (the file is never synced) is never used: damage of head or table is found by [`Index::load`], that of a
//! block when it is read, and then the index is made anew, if it was told how ([`Index::mended_by`]).
//!
//! Rebuildable from the tar, less the real times. Knows no other layer: that is `stack`.

mod block;
mod build;
mod item;
mod table;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;

use self::block::Block;
use self::table::{Place, Table};
use crate::entry::Entry;
use crate::path::components;
use crate::tar::Extent;

pub(crate) use self::build::implied;
pub(crate) use self::item::Item;

/// Maximum number of entries of a layer, implied directories included.
pub(crate) const MAX_ENTRIES: usize = 1 << 20;
/// Maximum length of all paths, link targets and attributes of a layer together.
pub(crate) const MAX_NAMES_BYTES: usize = 128 << 20;
/// What is read at once of a file: more than most have.
const START_BYTES: usize = 64 << 10;

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
    ///
    /// [`Kind::File`]: crate::entry::Kind::File
    /// [`Kind::Hardlink`]: crate::entry::Kind::Hardlink
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

/// Makes an index anew.
type Mend = dyn Fn() -> io::Result<Index> + Send + Sync;

/// The entries of a layer.
pub(crate) struct Index {
    table: Table,
    /// Those that were read.
    blocks: Vec<OnceLock<Block>>,
    /// Has the others.
    file: Option<File>,
    mend: Option<Box<Mend>>,
    /// What counts instead, once damage was found.
    mended: OnceLock<Box<Index>>,
}

/// Where a path leads in an index.
#[derive(Clone, Copy)]
pub(crate) enum Nearest<'a> {
    /// The path's own entry.
    There(Item<'a>),
    /// The deepest entry on the way to it.
    Above(Item<'a>),
}

impl<'a> Nearest<'a> {
    /// The path's own entry.
    pub(crate) fn there(self) -> Option<Item<'a>> {
        match self {
            Self::There(item) => Some(item),
            Self::Above(_) => None,
        }
    }

    /// True if the path is hidden in lower layers.
    pub(crate) fn hides_lower(self) -> bool {
        match self {
            Self::There(item) | Self::Above(item) => item.hides_lower(),
        }
    }
}

impl Index {
    /// The index at `path`; `None` if there is none, if it is of another version, or found damaged so far.
    pub(crate) fn load(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mut start = vec![0; START_BYTES];
        // Linux gives less than it is asked for only where the file ends.
        let read = file.read_at(&mut start, 0).ok()?;
        start.truncate(read);
        let length = if read < START_BYTES { read as u64 } else { file.metadata().ok()?.len() };
        // Not believed before the checksum fits, so no more is made room for than there is.
        let table_bytes = Table::length(&start).filter(|&bytes| bytes as u64 <= length)?;
        if let Some(missing) = table_bytes.checked_sub(read).filter(|&missing| missing > 0) {
            start.resize(read + missing, 0);
            file.read_exact_at(&mut start[read..], read as u64).ok()?;
        }
        let table = Table::parse(&start[..table_bytes])?;
        if table.end() != length {
            return None;
        }
        let mut blocks = Vec::with_capacity(table.places().len());
        for place in table.places() {
            blocks.push(match table.bytes_in(place, &start) {
                Some(bytes) => OnceLock::from(table.check(place, bytes.into())?),
                None => OnceLock::new(),
            });
        }
        let file = blocks.iter().any(|block| block.get().is_none()).then_some(file);
        Some(Self { file, ..Self::of(table, blocks) })
    }

    /// The same, read to the end: no damage can be found later.
    pub(crate) fn load_whole(path: &Path) -> Option<Self> {
        Self::load(path).filter(|index| index.read_all().is_ok())
    }

    /// Has `mend` called, and what it makes used, when damage is found. It makes an index of the same tar.
    pub(crate) fn mended_by(self, mend: impl Fn() -> io::Result<Self> + Send + Sync + 'static) -> Self {
        Self { mend: Some(Box::new(mend)), ..self }
    }

    /// Writes it as [`Index::load`] wants it.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.read_all()?;
        out.write_all(&self.table.encode())?;
        (0..self.blocks.len()).try_for_each(|number| out.write_all(self.block(number)?.bytes()))
    }

    fn of(table: Table, blocks: Vec<OnceLock<Block>>) -> Self {
        Self { table, blocks, file: None, mend: None, mended: OnceLock::new() }
    }

    /// Whose tar it is.
    pub(crate) fn origin(&self) -> Origin {
        self.mended.get().map_or(self.table.origin, |anew| anew.origin())
    }

    /// The root.
    pub(crate) fn root(&self) -> io::Result<Item<'_>> {
        self.item(0)
    }

    /// All entries, implied directories and the root too, in order of their paths. Reads all that has not been read.
    pub(crate) fn items(&self) -> io::Result<impl Iterator<Item = Item<'_>>> {
        // First, so that all items are of one index, also where damage is found on the way.
        self.read_all()?;
        let blocks =
            (0..self.blocks.len()).map(|number| self.block(number)).collect::<io::Result<Vec<_>>>()?;
        Ok(blocks.into_iter().flat_map(move |block| block.rows().map(move |row| Item::new(self, block, row))))
    }

    /// The entry at `path`.
    pub(crate) fn get(&self, path: &[u8]) -> io::Result<Option<Item<'_>>> {
        let block = self.block(self.table.block_of_path(path))?;
        Ok(block.find(path).ok().map(|row| Item::new(self, block, row)))
    }

    /// The entry at `path`, or else the deepest one on the way to it.
    pub(crate) fn nearest(&self, path: &[u8]) -> io::Result<Nearest<'_>> {
        let block = self.block(self.table.block_of_path(path))?;
        let before = match block.find(path) {
            Ok(row) => return Ok(Nearest::There(Item::new(self, block, row))),
            Err(before) => Item::new(self, block, before),
        };
        // What the entry in front and `path` have in common has a row: that is what implied directories are for.
        let common = common_directory(before.path(), path);
        if common.len() == before.path().len() {
            return Ok(Nearest::Above(before));
        }
        let above = self.get(common)?;
        Ok(Nearest::Above(above.map_or_else(|| self.root(), Ok)?))
    }

    /// The entry of a row.
    fn item(&self, row: usize) -> io::Result<Item<'_>> {
        Ok(Item::new(self, self.block(self.table.block_of_row(row))?, row))
    }

    fn block(&self, number: usize) -> io::Result<&Block> {
        if let Some(anew) = self.mended.get() {
            return anew.block(number);
        }
        if let Some(block) = self.blocks[number].get() {
            return Ok(block);
        }
        match self.read(&self.table.places()[number]) {
            Some(block) => Ok(self.blocks[number].get_or_init(|| block)),
            None => self.mend()?.block(number),
        }
    }

    fn read_all(&self) -> io::Result<()> {
        (0..self.blocks.len()).try_for_each(|number| self.block(number).map(drop))
    }

    /// A block from the file; `None` if it is damaged.
    fn read(&self, place: &Place) -> Option<Block> {
        let mut bytes = vec![0; place.length];
        self.file.as_ref()?.read_exact_at(&mut bytes, self.table.offset(place)).ok()?;
        self.table.check(place, bytes.into())
    }

    fn mend(&self) -> io::Result<&Self> {
        let refuse = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let mend = self.mend.as_ref().ok_or_else(|| refuse("the index of a layer is damaged"))?;
        let anew = mend()?;
        // Items that are in use refer to others by their numbers.
        if !anew.table.has_borders_of(&self.table) {
            return Err(refuse("the index of a layer was damaged and has been made anew; build again"));
        }
        Ok(self.mended.get_or_init(|| Box::new(anew)))
    }

    /// How many bytes of blocks were read.
    #[cfg(test)]
    fn read_bytes(&self) -> usize {
        self.blocks.iter().filter_map(OnceLock::get).map(|block| block.bytes().len()).sum()
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
