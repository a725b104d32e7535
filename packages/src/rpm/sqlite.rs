//! `rpmdb.sqlite`: a database of SQLite whose table `Packages` has one header in each row.
//!
//! The file is read page by page, without SQLite: a table is a tree of pages, and a row that is longer than a page goes on
//! in a list of overflow pages. SQLite itself would be a large library in C that reads files of images.
//!
//! Source: "SQLite Database File Format", sections 1.3, 1.5, 1.6 and 2.1.

use super::budget::Budget;
use super::bytes::{be16, be32};

const MAGIC: &[u8] = b"SQLite format 3\0";
const FILE_HEAD_BYTES: usize = 100;
const MIN_PAGE_BYTES: usize = 512;
const LEAF: u8 = 13;
const INTERIOR: u8 = 5;
const DAMAGED: &str = "some of its pages are damaged";

/// Calls `visit` for the header of each package.
pub(super) fn headers(file: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<(), &'static str> {
    let database = Database::open(file).ok_or("it is no database of SQLite")?;
    let mut root = None;
    let schema = database.rows(1, &mut |row| {
        let [kind, name, _, page] = columns(row);
        if (kind, name) == (Some(b"table"), Some(b"Packages")) {
            root = page.and_then(number);
        }
    });
    let root = root.ok_or_else(|| schema.err().unwrap_or("it has no table Packages"))?;
    database.rows(root, &mut |row| {
        // The first column, the number of the row, is stored outside of the record.
        if let [_, Some(header)] = columns(row) {
            visit(header);
        }
    })
}

/// File with a checked head.
struct Database<'a> {
    file: &'a [u8],
    page_bytes: usize,
    /// Bytes of a page that belong to SQLite.
    usable_bytes: usize,
}

impl<'a> Database<'a> {
    fn open(file: &'a [u8]) -> Option<Self> {
        // 1 stands for 65,536, which two bytes cannot hold.
        let page_bytes = be16(file, 16).map(|size| if size == 1 { 65_536 } else { size })?;
        let usable_bytes = page_bytes.checked_sub(usize::from(*file.get(20)?))?;
        let is_sqlite = file.starts_with(MAGIC) && page_bytes >= MIN_PAGE_BYTES && usable_bytes >= 480;
        is_sqlite.then_some(Self { file, page_bytes, usable_bytes })
    }

    /// Returns a page; numbers begin at 1.
    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let start = number.checked_sub(1)?.checked_mul(self.page_bytes)?;
        self.file.get(start..start.checked_add(self.page_bytes)?)
    }

    /// Calls `visit` for each record of the table with this root page. In a damaged file pages can form a cycle; no more
    /// pages are visited than there are.
    fn rows(&self, root: usize, visit: &mut dyn FnMut(&[u8])) -> Result<(), &'static str> {
        let mut result = Ok(());
        let mut pending = vec![root];
        let mut left = self.file.len() / self.page_bytes;
        let mut budget = Budget::of(self.file);
        while let Some(number) = pending.pop() {
            let page = self.page(number).filter(|_| left > 0).ok_or(DAMAGED)?;
            left -= 1;
            let head = if number == 1 { FILE_HEAD_BYTES } else { 0 };
            let is_whole = match page.get(head) {
                Some(&LEAF) => self.leaf(page, head, &mut budget, visit),
                Some(&INTERIOR) => interior(page, head, &mut pending),
                _ => None,
            };
            if is_whole.is_none() {
                result = Err(DAMAGED);
            }
        }
        result
    }

    /// Visits the rows of a leaf; `None` if some are damaged.
    fn leaf(
        &self,
        page: &[u8],
        head: usize,
        budget: &mut Budget,
        visit: &mut dyn FnMut(&[u8]),
    ) -> Option<()> {
        let mut is_whole = Some(());
        for cell in cells(page, head, 8)? {
            match self.record(page.get(cell..)?, budget) {
                Some(record) => visit(&record),
                None => is_whole = None,
            }
        }
        is_whole
    }

    /// Collects the record of a row from its cell and the overflow pages.
    fn record(&self, cell: &[u8], budget: &mut Budget) -> Option<Vec<u8>> {
        let (length, rest) = varint(cell)?;
        let (_, rest) = varint(rest)?;
        let length = usize::try_from(length).ok()?;
        budget.take(length)?;
        let local = self.local_bytes(length);
        let mut record = rest.get(..local)?.to_vec();
        let mut next = if local < length { be32(rest, local)? } else { 0 };
        while record.len() < length {
            let page = self.page(next)?.get(..self.usable_bytes)?;
            next = be32(page, 0)?;
            let count = (length - record.len()).min(self.usable_bytes - 4);
            record.extend_from_slice(&page[4..4 + count]);
        }
        Some(record)
    }

    /// Returns the number of bytes of a record that are in its cell.
    fn local_bytes(&self, length: usize) -> usize {
        let usable = self.usable_bytes;
        let most = usable - 35;
        if length <= most {
            return length;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let spread = least + (length - least) % (usable - 4);
        if spread <= most { spread } else { least }
    }
}

/// Returns the offsets of the cells of a page, whose list begins `list` bytes after the page's own head.
fn cells(page: &[u8], head: usize, list: usize) -> Option<Vec<usize>> {
    let count = be16(page, head + 3)?;
    (0..count).map(|cell| be16(page, head + list + 2 * cell)).collect()
}

/// Adds the pages below an interior page; `None` if some cannot be read.
fn interior(page: &[u8], head: usize, pending: &mut Vec<usize>) -> Option<()> {
    pending.push(be32(page, head + 8)?);
    for cell in cells(page, head, 12)? {
        pending.push(be32(page, cell)?);
    }
    Some(())
}

/// Reads a number of 1 to 9 bytes; returns it with what follows.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (position, byte) in bytes.iter().take(9).enumerate() {
        if position == 8 {
            return Some((value << 8 | u64::from(*byte), &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[position + 1..]));
        }
    }
    None
}

/// Returns the first columns of a record, as stored; `None` for each that is absent or damaged.
fn columns<const N: usize>(record: &[u8]) -> [Option<&[u8]>; N] {
    let mut columns = [None; N];
    let Some((head_bytes, mut types)) = varint(record) else { return columns };
    let Some(mut data) = usize::try_from(head_bytes).ok().and_then(|start| record.get(start..)) else {
        return columns;
    };
    for column in &mut columns {
        let Some((kind, rest)) = varint(types) else { return columns };
        let Some((value, after)) = size(kind).and_then(|size| data.split_at_checked(size)) else {
            return columns;
        };
        (*column, types, data) = (Some(value), rest, after);
    }
    columns
}

/// Returns the number of bytes of a value of a serial type.
fn size(kind: u64) -> Option<usize> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => Some(kind as usize),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        kind => usize::try_from((kind - 12) / 2).ok(),
    }
}

/// Returns the value of a big-endian number of at most 8 bytes.
fn number(bytes: &[u8]) -> Option<usize> {
    let value = bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    usize::try_from(value).ok().filter(|_| bytes.len() <= 8)
}
