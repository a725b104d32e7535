//! The maps of sparse files: which parts of a file are in the tar.
//!
//! Source: GNU tar manual, "Storing Sparse Files": the old GNU form, and PAX versions 0.0, 0.1 and 1.0.

use super::members::{last, number, parse_decimal};
use crate::RootfsError;
use crate::error::bad_entry;

/// The most parts of a sparse file.
const MAX_EXTENTS: usize = 64 << 10;
/// The longest sparse file: what lies in its holes is free for who writes it, and not for who reads it.
const MAX_SIZE_BYTES: u64 = 1 << 40;

/// The most digits of a 64-bit number.
const MAX_DIGITS: usize = 20;

/// A part of a file that is in the tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where in the file.
    pub at: u64,
    /// How long.
    pub length: u64,
}

/// What PAX records say of a sparse file.
pub(super) struct Pax {
    /// Its name: the member's own is a stand-in in version 1.0.
    pub name: Option<Vec<u8>>,
    /// Its length.
    pub size_bytes: u64,
    /// Its map; `None` if it is in front of the data.
    pub map: Option<Vec<Extent>>,
}

type Records = Vec<(Vec<u8>, Vec<u8>)>;

impl Pax {
    /// `None` if the records are of no sparse file.
    pub(super) fn of(records: &Records, name: &[u8]) -> Result<Option<Self>, RootfsError> {
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

/// Version 0.1: `at,length,at,length`.
fn parse_list(text: &[u8]) -> Option<Vec<Extent>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let numbers: Vec<u64> = text.split(|&byte| byte == b',').map(parse_decimal).collect::<Option<_>>()?;
    pairs(&numbers)
}

/// Version 0.0: a record each, in order.
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
    pairs(&numbers)
}

fn pairs(numbers: &[u64]) -> Option<Vec<Extent>> {
    let whole = numbers.len().is_multiple_of(2) && numbers.len() / 2 <= MAX_EXTENTS;
    whole.then(|| numbers.chunks_exact(2).map(|pair| Extent { at: pair[0], length: pair[1] }).collect())
}

/// Reads version 1.0 as it comes, in blocks: a count, then two numbers for each part, each in a line of its own.
#[derive(Default)]
pub(super) struct Lines {
    /// The digits of a line that has not ended.
    partial: Vec<u8>,
    /// The count first.
    numbers: Vec<u64>,
}

impl Lines {
    /// Takes the next block; the map once that is whole. What follows it in its block is filling.
    pub(super) fn take(&mut self, block: &[u8], name: &[u8]) -> Result<Option<Vec<Extent>>, RootfsError> {
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
            if self.numbers.len() as u64 == 1 + 2 * self.count(name)? {
                return pairs(&self.numbers[1..]).map(Some).ok_or_else(malformed);
            }
        }
        Ok(None)
    }

    fn count(&self, name: &[u8]) -> Result<u64, RootfsError> {
        match self.numbers.first() {
            Some(&count) if count > MAX_EXTENTS as u64 => {
                Err(bad_entry(name, "a sparse file of too many parts"))
            }
            // Not known yet: as many as there can be.
            count => Ok(count.copied().unwrap_or(MAX_EXTENTS as u64)),
        }
    }
}

/// The old form: pairs of 12-byte numbers; `true` if all are in use.
pub(super) fn old_extents(fields: &[u8], map: &mut Vec<Extent>) -> Result<bool, RootfsError> {
    for pair in fields.chunks_exact(24) {
        if pair[0] == 0 {
            return Ok(false);
        }
        let field =
            |range: std::ops::Range<usize>| number(&pair[range]).and_then(|value| u64::try_from(value).ok());
        match (field(0..12), field(12..24)) {
            (Some(at), Some(length)) if map.len() < MAX_EXTENTS => map.push(Extent { at, length }),
            _ => return Err(bad_entry(b"", "the map of a sparse file is malformed")),
        }
    }
    Ok(true)
}

/// Whether the parts are in order, apart, within the file, and as long as what is stored.
pub(super) fn check(
    map: &[Extent],
    size_bytes: u64,
    stored_bytes: u64,
    name: &[u8],
) -> Result<(), RootfsError> {
    if size_bytes > MAX_SIZE_BYTES {
        return Err(RootfsError::Limit { what: "the length of a sparse file", limit: "1 TiB".into() });
    }
    let mut end = 0_u64;
    let mut stored = 0_u64;
    for extent in map {
        let next =
            extent.at.checked_add(extent.length).filter(|&next| extent.at >= end && next <= size_bytes);
        end = next.ok_or_else(|| bad_entry(name, "the parts of a sparse file overlap or leave it"))?;
        stored += extent.length;
    }
    match stored == stored_bytes {
        true => Ok(()),
        false => Err(bad_entry(name, "a sparse file's map and its data differ in length")),
    }
}
