//! `Packages.db`: rpm's own format "ndb". All numbers are little-endian.
//!
//! ```text
//! head     magic "RpmP", version, generation, number of pages of slots; 32 bytes
//! slots    magic "Slot", number of the package (0: unused), offset and length in blocks; 16 bytes each
//! blobs    magic "BlbS", number of the package, checksum, length in bytes; the header; a tail
//! ```
//!
//! Source: rpm, `lib/backend/ndb`; a page has 4096 bytes and a block 16.

use super::budget::Budget;
use super::bytes::le32;

const HEAD_MAGIC: usize = u32::from_le_bytes(*b"RpmP") as usize;
const SLOT_MAGIC: usize = u32::from_le_bytes(*b"Slot") as usize;
const BLOB_MAGIC: usize = u32::from_le_bytes(*b"BlbS") as usize;
const PAGE_BYTES: usize = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
const HEAD_BYTES: usize = 32;

/// Calls `visit` for the header of each package.
pub(super) fn headers(file: &[u8], visit: &mut dyn FnMut(&[u8])) -> Result<(), &'static str> {
    if le32(file, 0) != Some(HEAD_MAGIC) {
        return Err("it is no database of rpm");
    }
    let pages = le32(file, 12).ok_or("its head is damaged")?;
    let end = pages.checked_mul(PAGE_BYTES).ok_or("its head is damaged")?;
    let slots = file.get(HEAD_BYTES..end).ok_or("its slots are damaged")?;
    let mut budget = Budget::of(file);
    let mut result = Ok(());
    for slot in slots.chunks_exact(SLOT_BYTES) {
        if le32(slot, 0) != Some(SLOT_MAGIC) {
            return Err("its slots are damaged");
        }
        let number = le32(slot, 4).unwrap_or(0);
        if number == 0 {
            continue;
        }
        let header = le32(slot, 8).and_then(|block| blob(file, block, number));
        match header.filter(|header| budget.take(header.len()).is_some()) {
            Some(header) => visit(header),
            None => result = Err("some of its packages are damaged"),
        }
    }
    result
}

fn blob(file: &[u8], block: usize, number: usize) -> Option<&[u8]> {
    let start = block.checked_mul(BLOCK_BYTES)?;
    if le32(file, start)? != BLOB_MAGIC || le32(file, start + 4)? != number {
        return None;
    }
    let length = le32(file, start + 12)?;
    file.get(start + 16..(start + 16).checked_add(length)?)
}
