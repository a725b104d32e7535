//! `Packages`: a hash of Berkeley DB, whose values are headers.
//!
//! ```text
//! page 0      kind of database (magic at 12), size of a page at 20, kind of page at 25
//! hash page   number of items at 20; from 26 on the offsets of keys and values in turn
//! item        a value of more than a page: kind 3, number of its first page at 4, its length at 8
//! overflow    next page at 16, bytes on the page at 22; the bytes from 26 on
//! ```
//!
//! Headers are longer than what fits on a hash page, so values on a page itself are left out: the only ones are counters.
//!
//! Source: Berkeley DB 5.3, `dbinc/db_page.h`.

use super::budget::Budget;
use super::bytes::{array, be16, be32, le16, le32};

const HASH_MAGIC: usize = 0x0006_1561;
const MIN_PAGE_BYTES: usize = 512;
const MAX_PAGE_BYTES: usize = 64 << 10;
const PAGE_HEAD_BYTES: usize = 26;
const HASH_PAGES: [u8; 2] = [2, 13];
const OVERFLOW_PAGE: u8 = 7;
const OFF_PAGE: u8 = 3;
const DAMAGED: &str = "some of its packages are damaged";

/// Calls `visit` for the header of each package.
pub(super) fn headers(file: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<(), &'static str> {
    let database = Database::open(file)?;
    let mut budget = Budget::of(file);
    let mut result = Ok(());
    for page in file.chunks_exact(database.page_bytes).skip(1) {
        if !page.get(25).is_some_and(|kind| HASH_PAGES.contains(kind)) {
            continue;
        }
        for item in database.values(page) {
            match database.value(item, &mut budget) {
                Some(header) => visit(&header),
                None => result = Err(DAMAGED),
            }
        }
    }
    result
}

/// File in the byte order of the machine that wrote it.
struct Database<'a> {
    file: &'a [u8],
    page_bytes: usize,
    is_big_endian: bool,
}

impl<'a> Database<'a> {
    fn open(file: &'a [u8]) -> Result<Self, &'static str> {
        let is_big_endian = be32(file, 12) == Some(HASH_MAGIC);
        if !is_big_endian && le32(file, 12) != Some(HASH_MAGIC) {
            return Err("it is no database of rpm");
        }
        let mut database = Self { file, page_bytes: 0, is_big_endian };
        let page_bytes =
            database.u32(file, 20).filter(|size| (MIN_PAGE_BYTES..=MAX_PAGE_BYTES).contains(size));
        database.page_bytes = page_bytes.ok_or("its head is damaged")?;
        Ok(database)
    }

    fn u16(&self, bytes: &[u8], offset: usize) -> Option<usize> {
        if self.is_big_endian { be16(bytes, offset) } else { le16(bytes, offset) }
    }

    fn u32(&self, bytes: &[u8], offset: usize) -> Option<usize> {
        if self.is_big_endian { be32(bytes, offset) } else { le32(bytes, offset) }
    }

    /// Returns the values of a hash page that are longer than a page.
    fn values<'p>(&self, page: &'p [u8]) -> Vec<&'p [u8]> {
        let items = self.u16(page, 20).unwrap_or(0);
        let offsets =
            (0..items).skip(1).step_by(2).map_while(|item| self.u16(page, PAGE_HEAD_BYTES + 2 * item));
        let values = offsets.filter_map(|offset| page.get(offset..));
        values.filter(|value| value.first() == Some(&OFF_PAGE)).collect()
    }

    /// Collects a value from its overflow pages. The pages of a damaged file can form a cycle; the length ends it.
    fn value(&self, item: &[u8], budget: &mut Budget) -> Option<Vec<u8>> {
        let (mut number, length) = (self.u32(item, 4)?, self.u32(item, 8)?);
        budget.take(length)?;
        let mut value = Vec::new();
        while value.len() < length {
            let start = number.checked_mul(self.page_bytes)?;
            let page = self.file.get(start..start.checked_add(self.page_bytes)?)?;
            let used = self.u16(page, 22)?;
            if array::<1>(page, 25)? != [OVERFLOW_PAGE] || used == 0 {
                return None;
            }
            value.extend_from_slice(page.get(PAGE_HEAD_BYTES..PAGE_HEAD_BYTES + used)?);
            number = self.u32(page, 16)?;
        }
        value.truncate(length);
        Some(value)
    }
}
