//! The index of a layer: which entries its tar has and where their bytes are, read on demand from one sidecar file.
//!
//! ```text
//! head     magic and version, blake3 of the rest of head and table, origin, counts
//! table    for each block: its length, its first row and the path of that row, its blake3
//! blocks   rows of ROW_BYTES each, then their heap: paths, link targets, attributes, maps of sparse files
//! ```
//!
//! ```text
//! row          an entry on its way into an index
//! build        rows -> index
//! encode       rows -> blocks and table
//! limits       how large a layer can be
//! row_format   layout of a row on disk
//! block        rows and their heap
//! table        head and table
//! item         an entry that is read back
//! ```
//!
//! Rows are in the order of their paths' components, and row 0 is the root. A row has the *real* modification time
//! where the tar has the clamped one, the blake3 of the file's real content, and the offset of its bytes in the tar.
//! Each directory on the way to an entry has a row, marked as implied if the layer does not describe it. So
//! everything below a directory is a range of rows, and each row stores the end of that range.
//!
//! A lookup searches the table for the block that can have the path, and that block for the row. A block is read and
//! verified on first use and stays in memory, so the bytes read grow with the number of lookups and not with the size
//! of the layer. The index of a small layer comes whole with the first read.
//!
//! Invariants: accessors of a verified block never panic, never leave the block and never lead to a row that does not
//! exist. Damaged bytes are never used (the file is never synced): [`Index::load`] finds damage of head and table;
//! damage of a block is found when the block is read, and then the index is rebuilt if its owner has provided for
//! that ([`Index::with_rebuild`]).
//!
//! An index can be rebuilt from its tar, except for the real times. It describes one layer alone; `layers::stack`
//! merges several.

mod block;
mod build;
mod encode;
mod item;
mod limits;
mod row;
mod row_format;
mod table;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use oci::DiffId;

use self::block::Block;
use self::table::{BlockInfo, Table};
use trees::path::components;

pub(crate) use self::item::Item;
pub(crate) use self::limits::{MAX_ENTRIES, MAX_NAMES_BYTES, too_many_entries, too_many_names};
pub(crate) use self::row::{Origin, Row, Stored};

/// Number of bytes of the file that the first read takes; most indexes are shorter.
const START_BYTES: usize = 64 << 10;

/// Function that makes the index of the same tar again.
type Rebuild = dyn Fn() -> io::Result<Index> + Send + Sync;

/// Entries of a layer, by path.
pub(crate) struct Index {
    table: Table,
    /// Blocks that have been read, each in its own slot.
    blocks: Vec<OnceLock<Block>>,
    /// File to read the other blocks from; `None` if all of them are in memory.
    file: Option<File>,
    rebuild: Option<Box<Rebuild>>,
    /// Replacement that is used from the moment when damage was found.
    rebuilt: OnceLock<Box<Index>>,
}

/// Result of a lookup in an index.
#[derive(Clone, Copy)]
pub(crate) enum Nearest<'a> {
    /// The entry at the path itself.
    Exact(Item<'a>),
    /// The deepest entry above the path, which has no entry of its own.
    Ancestor(Item<'a>),
}

impl<'a> Nearest<'a> {
    /// Returns the entry at the path itself, if there is one.
    pub(crate) fn exact(self) -> Option<Item<'a>> {
        match self {
            Self::Exact(item) => Some(item),
            Self::Ancestor(_) => None,
        }
    }

    /// Reports whether the layer hides this path in lower layers.
    pub(crate) fn hides_lower(self) -> bool {
        match self {
            Self::Exact(item) | Self::Ancestor(item) => item.hides_lower(),
        }
    }
}

impl Index {
    /// Opens the index of `layer` in `file`. Returns `None` if it has another version or layer, or is damaged in a part
    /// that has been read.
    pub(crate) fn load(file: File, layer: &DiffId) -> Option<Self> {
        let mut start = vec![0; START_BYTES];
        // On Linux, a read is short only where the file ends.
        let read = file.read_at(&mut start, 0).ok()?;
        start.truncate(read);
        let length = if read < START_BYTES { read as u64 } else { file.metadata().ok()?.len() };
        // The checksum is not verified yet, so no more memory is reserved than the file has bytes.
        let table_bytes = Table::length(&start).filter(|&bytes| bytes as u64 <= length)?;
        if let Some(missing) = table_bytes.checked_sub(read).filter(|&missing| missing > 0) {
            start.resize(read + missing, 0);
            file.read_exact_at(&mut start[read..], read as u64).ok()?;
        }
        let table = Table::parse(&start[..table_bytes], layer)?;
        if table.end() != length {
            return None;
        }
        let mut blocks = Vec::with_capacity(table.blocks().len());
        for block_info in table.blocks() {
            blocks.push(match table.bytes_in(block_info, &start) {
                Some(bytes) => OnceLock::from(table.check(block_info, bytes.into())?),
                None => OnceLock::new(),
            });
        }
        let file = blocks.iter().any(|block| block.get().is_none()).then_some(file);
        Some(Self { file, ..Self::of(table, blocks) })
    }

    /// Opens the index of `layer` in `file` and reads all of it, so that no damage can be found later.
    pub(crate) fn load_whole(file: File, layer: &DiffId) -> Option<Self> {
        Self::load(file, layer).filter(|index| index.read_all().is_ok())
    }

    /// Sets the function that makes the index of the same tar again. It is called when damage is found, and its
    /// result replaces this index.
    pub(crate) fn with_rebuild(self, rebuild: impl Fn() -> io::Result<Self> + Send + Sync + 'static) -> Self {
        Self { rebuild: Some(Box::new(rebuild)), ..self }
    }

    /// Writes the index, which is that of `layer`, in the form that [`Index::load`] reads.
    pub(crate) fn write(&self, layer: &DiffId, out: &mut dyn Write) -> io::Result<()> {
        self.read_all()?;
        out.write_all(&self.table.encode(layer))?;
        (0..self.blocks.len()).try_for_each(|number| out.write_all(self.block(number)?.bytes()))
    }

    fn of(table: Table, blocks: Vec<OnceLock<Block>>) -> Self {
        Self { table, blocks, file: None, rebuild: None, rebuilt: OnceLock::new() }
    }

    /// Returns the origin of the layer's tar.
    pub(crate) fn origin(&self) -> Origin {
        self.rebuilt.get().map_or(self.table.origin, |fresh| fresh.origin())
    }

    /// Reports whether the layer implies a directory other than the root.
    pub(crate) fn has_implied(&self) -> bool {
        self.table.has_implied
    }

    /// Returns the entry of the root directory.
    pub(crate) fn root(&self) -> io::Result<Item<'_>> {
        self.item(0)
    }

    /// Returns all entries in the order of their paths, with the root and the implied directories. Reads every block
    /// that has not been read.
    pub(crate) fn items(&self) -> io::Result<impl Iterator<Item = Item<'_>>> {
        // First of all, so that the items all come from one index even if damage is found on the way.
        self.read_all()?;
        let blocks =
            (0..self.blocks.len()).map(|number| self.block(number)).collect::<io::Result<Vec<_>>>()?;
        Ok(blocks.into_iter().flat_map(move |block| block.rows().map(move |row| Item::new(self, block, row))))
    }

    /// Returns the entry at `path`, if there is one.
    pub(crate) fn get(&self, path: &[u8]) -> io::Result<Option<Item<'_>>> {
        let block = self.block(self.table.block_of_path(path))?;
        Ok(block.find(path).ok().map(|row| Item::new(self, block, row)))
    }

    /// Returns the entry at `path`, or else the deepest entry above it.
    pub(crate) fn nearest(&self, path: &[u8]) -> io::Result<Nearest<'_>> {
        let block = self.block(self.table.block_of_path(path))?;
        let before = match block.find(path) {
            Ok(row) => return Ok(Nearest::Exact(Item::new(self, block, row))),
            Err(before) => Item::new(self, block, before),
        };
        // The path that `before` and `path` have in common has a row: this is why implied directories exist.
        let common = common_directory(before.path(), path);
        if common.len() == before.path().len() {
            return Ok(Nearest::Ancestor(before));
        }
        let above = self.get(common)?;
        Ok(Nearest::Ancestor(above.map_or_else(|| self.root(), Ok)?))
    }

    /// Returns the entry of a row.
    fn item(&self, row: usize) -> io::Result<Item<'_>> {
        Ok(Item::new(self, self.block(self.table.block_of_row(row))?, row))
    }

    fn block(&self, number: usize) -> io::Result<&Block> {
        if let Some(fresh) = self.rebuilt.get() {
            return fresh.block(number);
        }
        if let Some(block) = self.blocks[number].get() {
            return Ok(block);
        }
        match self.read(&self.table.blocks()[number]) {
            Some(block) => Ok(self.blocks[number].get_or_init(|| block)),
            None => self.rebuild()?.block(number),
        }
    }

    fn read_all(&self) -> io::Result<()> {
        (0..self.blocks.len()).try_for_each(|number| self.block(number).map(drop))
    }

    /// Reads a block from the file; returns `None` if it is damaged.
    fn read(&self, block_info: &BlockInfo) -> Option<Block> {
        let mut bytes = vec![0; block_info.length];
        self.file.as_ref()?.read_exact_at(&mut bytes, self.table.offset(block_info)).ok()?;
        self.table.check(block_info, bytes.into())
    }

    fn rebuild(&self) -> io::Result<&Self> {
        let refuse = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let rebuild = self.rebuild.as_ref().ok_or_else(|| refuse("the index of a layer is damaged"))?;
        let fresh = rebuild()?;
        // Items in use refer to others by their row numbers.
        if !fresh.table.has_same_rows(&self.table) {
            return Err(refuse("the index of a layer was damaged and has been made fresh; build again"));
        }
        Ok(self.rebuilt.get_or_init(|| Box::new(fresh)))
    }

    /// Returns the number of bytes of the blocks that have been read.
    #[cfg(test)]
    fn read_bytes(&self) -> usize {
        self.blocks.iter().filter_map(OnceLock::get).map(|block| block.bytes().len()).sum()
    }
}

/// Returns the longest path that is `entry` or above it, and also above `path`.
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
