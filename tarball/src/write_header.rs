//! Encoding of the headers of a canonical tar; [`super::read_header`] and [`super::pax`] are the other direction.
//!
//! A header is a ustar block, with PAX records before it where a value does not fit or a name is not ASCII.
//! These are the rules of Go's `archive/tar`, which writes and reads nearly all layers. Numbers are octal with
//! leading zeros, and owners have no names.
//!
//! Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header".

use std::collections::BTreeMap;

use super::{BLOCK_BYTES, padding};
use crate::TarError;
use crate::error::bad_entry;

/// Content of a header: one entry of a canonical tar.
pub struct Header<'a> {
    /// Name as the tar has it: the name of a directory ends in `/`.
    pub name: &'a [u8],
    /// Type of the entry, `b'0'` to `b'6'`.
    pub typeflag: u8,
    /// Permission bits with set-uid, set-gid and sticky: 0 to 0o7777.
    pub mode: u32,
    /// User ID of the owner.
    pub uid: u32,
    /// Group ID of the owner.
    pub gid: u32,
    /// Length of the content that follows the header; 0 for all but regular files.
    pub size_bytes: u64,
    /// Modification time in seconds since 1970; negative before that.
    pub mtime: i64,
    /// Target of a hard or symbolic link; empty for other types.
    pub link: &'a [u8],
    /// Major and minor number of a device; 0 for other types.
    pub device: (u32, u32),
    /// Extended attributes by name, written as `SCHILY.xattr.*` records.
    pub xattrs: &'a BTreeMap<Vec<u8>, Vec<u8>>,
}

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Length of the name field.
const NAME_BYTES: usize = 100;
/// Length of the prefix field, which holds the directories of a long name.
const PREFIX_BYTES: usize = 155;

impl Header<'_> {
    /// Appends the header to `out`: PAX blocks if there are any, then the ustar block.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), TarError> {
        let mut records = self.xattr_records()?;
        let block = self.block(&mut records);
        if !records.is_empty() {
            encode_records(self.name, &records, out);
        }
        out.extend_from_slice(&block);
        Ok(())
    }

    fn xattr_records(&self) -> Result<Records, TarError> {
        let record = |(name, value): (&Vec<u8>, &Vec<u8>)| {
            if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
                return Err(bad_entry(
                    self.name,
                    "the name of an extended attribute cannot be written to a tar",
                ));
            }
            Ok(([b"SCHILY.xattr.", name.as_slice()].concat(), value.clone()))
        };
        self.xattrs.iter().map(record).collect()
    }

    /// Returns the ustar block, and adds values that it cannot hold to `records`.
    fn block(&self, records: &mut Records) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        self.put_names(&mut block, records);
        self.put_numbers(&mut block, records);
        finish(&mut block, self.typeflag);
        block
    }

    fn put_names(&self, block: &mut [u8; BLOCK_BYTES], records: &mut Records) {
        match split_name(self.name) {
            Some((prefix, name)) => {
                block[..name.len()].copy_from_slice(name);
                block[345..345 + prefix.len()].copy_from_slice(prefix);
            }
            None => {
                records.insert(b"path".to_vec(), self.name.to_vec());
                put_ascii(&mut block[..NAME_BYTES], self.name);
            }
        }
        if self.link.len() > NAME_BYTES || !self.link.is_ascii() {
            records.insert(b"linkpath".to_vec(), self.link.to_vec());
        }
        put_ascii(&mut block[157..257], self.link);
    }

    fn put_numbers(&self, block: &mut [u8; BLOCK_BYTES], records: &mut Records) {
        put_octal(&mut block[100..108], u64::from(self.mode));
        for (field, value, keyword) in [
            (108..116, u64::from(self.uid), "uid"),
            (116..124, u64::from(self.gid), "gid"),
            (124..136, self.size_bytes, "size"),
            (136..148, self.mtime.try_into().unwrap_or(0), "mtime"),
        ] {
            if !put_octal(&mut block[field], value) {
                records.insert(keyword.into(), value.to_string().into_bytes());
            }
        }
        if self.mtime < 0 {
            records.insert(b"mtime".to_vec(), self.mtime.to_string().into_bytes());
        }
        put_octal(&mut block[329..337], u64::from(self.device.0));
        put_octal(&mut block[337..345], u64::from(self.device.1));
    }
}

/// Splits `name` into the prefix and the name of a ustar header; `None` if it does not fit or is not ASCII.
fn split_name(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= NAME_BYTES {
        return Some((b"", name));
    }
    // The slash at the end of a directory's name is not a place to split.
    let searched = &name[..name.len().min(PREFIX_BYTES + 1) - usize::from(name.len() <= PREFIX_BYTES + 1)];
    let at = searched.iter().rposition(|&byte| byte == b'/').filter(|&at| at > 0)?;
    (name.len() - at - 1 <= NAME_BYTES).then(|| (&name[..at], &name[at + 1..]))
}

/// Writes the ASCII characters of `text`, as many as fit, for readers without PAX.
fn put_ascii(field: &mut [u8], text: &[u8]) {
    let ascii = text.iter().filter(|byte| byte.is_ascii());
    field.iter_mut().zip(ascii).for_each(|(slot, &byte)| *slot = byte);
}

/// Fills `field` with zero-padded octal digits and a NUL. If `value` does not fit, writes 0 and returns `false`.
fn put_octal(field: &mut [u8], value: u64) -> bool {
    let digits = field.len() - 1;
    let fits = value >> (3 * digits) == 0;
    let mut rest = if fits { value } else { 0 };
    for slot in field[..digits].iter_mut().rev() {
        *slot = b'0' + u8::try_from(rest & 7).expect("three bits");
        rest >>= 3;
    }
    field[digits] = 0;
    fits
}

/// Sets the type, the magic and the checksum of a block that is otherwise complete.
fn finish(block: &mut [u8; BLOCK_BYTES], typeflag: u8) {
    block[156] = typeflag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum = block.iter().map(|&byte| u64::from(byte)).sum();
    put_octal(&mut block[148..155], sum);
}

/// Appends the PAX header before the entry `name`.
fn encode_records(name: &[u8], records: &Records, out: &mut Vec<u8>) {
    let mut body = Vec::new();
    for (keyword, value) in records {
        encode_record(keyword, value, &mut body);
    }
    let mut block = [0; BLOCK_BYTES];
    let last = name.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty()).unwrap_or(b"root");
    put_ascii(&mut block[..NAME_BYTES], &[b"PaxHeaders.0/", last].concat());
    for field in [100..108, 108..116, 116..124, 136..148, 329..337, 337..345] {
        put_octal(&mut block[field], 0);
    }
    put_octal(&mut block[124..136], body.len() as u64);
    finish(&mut block, b'x');
    out.extend_from_slice(&block);
    out.extend_from_slice(&body);
    out.resize(out.len() + padding(body.len() as u64), 0);
}

/// Appends the record `"<length of all of this> <keyword>=<value>\n"`.
fn encode_record(keyword: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + decimal_digits(rest);
    if decimal_digits(length) > length - rest {
        length += 1;
    }
    out.extend_from_slice(length.to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(keyword);
    out.push(b'=');
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn decimal_digits(number: usize) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_their_own_length() {
        for length in 1..1100 {
            let mut out = Vec::new();
            encode_record(b"path", &vec![b'x'; length], &mut out);
            let digits = out.iter().position(|&byte| byte == b' ').expect("a space");
            assert_eq!(String::from_utf8_lossy(&out[..digits]), out.len().to_string());
        }
    }

    #[track_caller]
    fn check_split(name: &str, expected: Option<(usize, usize)>) {
        let found = split_name(name.as_bytes()).map(|(prefix, name)| (prefix.len(), name.len()));
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn long_names_are_split_at_a_slash_if_both_parts_fit() {
        check_split(&"n".repeat(100), Some((0, 100)));
        check_split(&"n".repeat(101), None);
        check_split("é", None);
        check_split(&format!("{}/{}", "d".repeat(155), "n".repeat(100)), Some((155, 100)));
        check_split(&format!("{}/{}", "d".repeat(156), "n".repeat(100)), None);
        check_split(&format!("{}/{}", "d".repeat(155), "n".repeat(101)), None);
        check_split(&format!("{}/{}/", "d".repeat(100), "n".repeat(50)), Some((100, 51)));
        check_split(&format!("{}/", "d".repeat(110)), None);
    }

    #[test]
    fn numbers_that_do_not_fit_are_written_as_zero() {
        let mut field = [0xff; 8];
        assert!(put_octal(&mut field, 0o7777777));
        assert_eq!(&field, b"7777777\0");
        assert!(!put_octal(&mut field, 0o10000000));
        assert_eq!(&field[..7], b"0000000");
    }
}
