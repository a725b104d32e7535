//! Maps of sparse files: the parts of a file that are stored in the tar. All else is holes.
//!
//! There are four forms: the old GNU one in and after the header, PAX 0.0 (two records for each part), PAX 0.1 (one
//! record with a list) and PAX 1.0 (lines before the data).
//!
//! Source: GNU tar manual, "Storing Sparse Files".

use super::member::Extent;
use super::number::{parse_decimal, parse_length};
use super::pax::{Records, last};
use crate::TarError;
use crate::error::bad_entry;

/// Maximum number of parts of a sparse file.
const MAX_EXTENTS: usize = 64 << 10;
/// Maximum length of a sparse file. Holes cost nothing to the writer of a tar, but time to its reader.
const MAX_SIZE_BYTES: u64 = 1 << 40;
/// Number of digits of the largest 64-bit number.
const MAX_DIGITS: usize = 20;

/// Description of a sparse file in PAX records.
pub(super) struct PaxSparse {
    /// Name of the file. In version 1.0 the member's own name is a placeholder.
    pub name: Option<Vec<u8>>,
    /// Length of the file, holes included.
    pub size_bytes: u64,
    /// Map of the file; `None` if it comes before the data (version 1.0).
    pub map: Option<Vec<Extent>>,
}

impl PaxSparse {
    /// Decodes the records before the member `name`; `None` if they describe no sparse file.
    pub(super) fn parse(records: &Records, name: &[u8]) -> Result<Option<Self>, TarError> {
        if !records.iter().any(|(keyword, _)| keyword.starts_with(b"GNU.sparse.")) {
            return Ok(None);
        }
        let get = |keyword: &str| last(records, keyword.as_bytes());
        let version = (get("GNU.sparse.major"), get("GNU.sparse.minor"));
        let map = match (version, get("GNU.sparse.map")) {
            ((Some(b"1"), Some(b"0")), None) => None,
            ((None, None) | (Some(b"0"), Some(b"1")), Some(map)) => Some(parse_list(map)),
            ((None, None) | (Some(b"0"), Some(b"0")), None) => Some(parse_pairs(records)),
            _ => return Err(bad_entry(name, "a sparse file of an unknown version")),
        };
        let map = match map {
            Some(None) => return Err(bad_entry(name, "the map of a sparse file is malformed")),
            map => map.flatten(),
        };
        let size = get("GNU.sparse.realsize").or(get("GNU.sparse.size")).and_then(parse_decimal);
        let size_bytes = size.ok_or_else(|| bad_entry(name, "a sparse file without a length"))?;
        Ok(Some(Self { name: get("GNU.sparse.name").map(<[u8]>::to_vec), size_bytes, map }))
    }
}

/// Decodes a map of version 0.1: `at,length,at,length`.
fn parse_list(text: &[u8]) -> Option<Vec<Extent>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let numbers: Vec<u64> = text.split(|&byte| byte == b',').map(parse_decimal).collect::<Option<_>>()?;
    extents(&numbers)
}

/// Decodes a map of version 0.0: a record for each offset and each length, in turns.
fn parse_pairs(records: &Records) -> Option<Vec<Extent>> {
    let of_map = records
        .iter()
        .filter(|(keyword, _)| matches!(&keyword[..], b"GNU.sparse.offset" | b"GNU.sparse.numbytes"));
    let mut numbers = Vec::new();
    for (index, (keyword, value)) in of_map.enumerate() {
        let expected: &[u8] = if index % 2 == 0 { b"GNU.sparse.offset" } else { b"GNU.sparse.numbytes" };
        if keyword != expected {
            return None;
        }
        numbers.push(parse_decimal(value)?);
    }
    extents(&numbers)
}

/// Pairs up offsets and lengths; `None` if one is left over or there are too many.
fn extents(numbers: &[u64]) -> Option<Vec<Extent>> {
    let are_pairs = numbers.len().is_multiple_of(2) && numbers.len() / 2 <= MAX_EXTENTS;
    are_pairs.then(|| numbers.chunks_exact(2).map(|pair| Extent { at: pair[0], length: pair[1] }).collect())
}

/// Incremental decoder of a map of version 1.0: a count, then two numbers for each part, each number in a line of its
/// own. The map fills whole blocks.
#[derive(Default)]
pub(super) struct LineDecoder {
    /// Digits of the line that has not ended yet.
    partial: Vec<u8>,
    /// Numbers of the lines so far; the first one is the count of parts.
    numbers: Vec<u64>,
}

impl LineDecoder {
    /// Takes the next block; returns the map once it is complete. The rest of its last block is padding.
    pub(super) fn take(&mut self, block: &[u8], name: &[u8]) -> Result<Option<Vec<Extent>>, TarError> {
        let malformed = || bad_entry(name, "the map of a sparse file is malformed");
        for &byte in block {
            match byte {
                b'\n' => {
                    self.numbers.push(parse_decimal(&self.partial).ok_or_else(malformed)?);
                    self.partial.clear();
                }
                byte if self.partial.len() < MAX_DIGITS => self.partial.push(byte),
                _ => return Err(malformed()),
            }
            if self.numbers.len() as u64 == 1 + 2 * self.part_count(name)? {
                return extents(&self.numbers[1..]).map(Some).ok_or_else(malformed);
            }
        }
        Ok(None)
    }

    /// Returns the number of parts, or the maximum while it is not known.
    fn part_count(&self, name: &[u8]) -> Result<u64, TarError> {
        match self.numbers.first() {
            Some(&count) if count > MAX_EXTENTS as u64 => {
                Err(bad_entry(name, "a sparse file of too many parts"))
            }
            count => Ok(count.copied().unwrap_or(MAX_EXTENTS as u64)),
        }
    }
}

/// Decodes a piece of a map of the old GNU form, pairs of 12-byte numbers, and adds it to `map`. Returns whether all
/// of the pairs are in use, so that the map can go on in another block.
pub(super) fn old_extents(fields: &[u8], map: &mut Vec<Extent>) -> Result<bool, TarError> {
    for pair in fields.chunks_exact(24) {
        if pair[0] == 0 {
            return Ok(false);
        }
        match (parse_length(&pair[..12]), parse_length(&pair[12..])) {
            (Some(at), Some(length)) if map.len() < MAX_EXTENTS => map.push(Extent { at, length }),
            _ => return Err(bad_entry(b"", "the map of a sparse file is malformed")),
        }
    }
    Ok(true)
}

/// Checks that the parts of the file `name` are in order, do not overlap, lie within the file, and are as long as the
/// data that is stored.
pub(super) fn check(map: &[Extent], size_bytes: u64, stored_bytes: u64, name: &[u8]) -> Result<(), TarError> {
    if size_bytes > MAX_SIZE_BYTES {
        return Err(TarError::Limit { what: "the length of a sparse file", limit: "1 TiB".into() });
    }
    let mut end = 0_u64;
    let mut stored = 0_u64;
    for extent in map {
        let next =
            extent.at.checked_add(extent.length).filter(|&next| extent.at >= end && next <= size_bytes);
        end = next.ok_or_else(|| bad_entry(name, "the parts of a sparse file overlap or exceed it"))?;
        stored += extent.length;
    }
    if stored != stored_bytes {
        return Err(bad_entry(name, "the map of a sparse file and its data differ in length"));
    }
    Ok(())
}
