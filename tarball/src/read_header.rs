//! Decoding of a ustar header block; [`super::write_header`] is the other direction.

use std::ops::Range;

use super::BLOCK_BYTES;
use super::member::Member;
use super::number::parse_field;
use crate::TarError;
use crate::Timestamp;
use crate::error::bad_entry;

/// One block of a tar.
pub(super) type Block = [u8; BLOCK_BYTES];

/// Offset of the byte that holds a header's type.
pub(super) const TYPEFLAG: usize = 156;
/// Offsets of the field that holds the length of a member's data.
pub(super) const SIZE: Range<usize> = 124..136;

/// Decodes a header block on its own, without the extension headers before it.
pub(super) fn member_of(block: &Block) -> Result<Member, TarError> {
    let name = name_of(block);
    let typeflag = typeflag_of(block, &name)?;
    let field = |range: Range<usize>, what: &str| {
        parse_field(&block[range]).ok_or_else(|| bad_entry(&name, format!("its {what} is not a number")))
    };
    let mode = u32::try_from(field(100..108, "mode")? & 0o7777).expect("twelve bits");
    let device = match typeflag {
        b'3' | b'4' => device_of(field(329..337, "device")?, field(337..345, "device")?, &name)?,
        _ => (0, 0),
    };
    Ok(Member {
        typeflag,
        mode,
        uid: check_owner(field(108..116, "owner")?, &name)?,
        gid: check_owner(field(116..124, "group")?, &name)?,
        size_bytes: u64::try_from(field(SIZE, "length")?)
            .map_err(|_| bad_entry(&name, "its length is negative"))?,
        mtime: Timestamp { seconds: field(136..148, "time")?, nanoseconds: 0 },
        link: until_nul(&block[157..257]).to_vec(),
        device,
        name,
        ..Member::default()
    })
}

/// Returns the type of a member: all kinds of regular files are one type.
fn typeflag_of(block: &Block, name: &[u8]) -> Result<u8, TarError> {
    match block[TYPEFLAG] {
        0 | b'0' | b'7' | b'S' => Ok(b'0'),
        known @ b'1'..=b'6' => Ok(known),
        other => {
            let shown = other.escape_ascii();
            Err(bad_entry(name, format!("entries of type '{shown}' are not supported in layers")))
        }
    }
}

fn name_of(block: &Block) -> Vec<u8> {
    let name = until_nul(&block[..100]);
    // Only POSIX has a prefix. GNU keeps other fields there, and star keeps access times in the last bytes of it.
    let prefix: &[u8] = match (&block[257..263], &block[508..512]) {
        (b"ustar\0", b"tar\0") => until_nul(&block[345..476]),
        (b"ustar\0", _) => until_nul(&block[345..500]),
        _ => b"",
    };
    match prefix {
        b"" => name.to_vec(),
        prefix => [prefix, b"/", name].concat(),
    }
}

/// Checks the ID of a user or group. 4294967295 is refused as well: to chown it means "leave as it is".
pub(super) fn check_owner(number: i64, name: &[u8]) -> Result<u32, TarError> {
    u32::try_from(number)
        .ok()
        .filter(|&id| id != u32::MAX)
        .ok_or_else(|| bad_entry(name, format!("the owner {number} is out of range")))
}

fn device_of(major: i64, minor: i64, name: &[u8]) -> Result<(u32, u32), TarError> {
    let within = |number: i64, bits: u32| u32::try_from(number).ok().filter(|number| number >> bits == 0);
    match (within(major, 12), within(minor, 20)) {
        (Some(major), Some(minor)) => Ok((major, minor)),
        _ => Err(bad_entry(name, format!("the device {major}:{minor} is out of range"))),
    }
}

/// Checks the sum of all bytes of a header, in which the checksum field itself counts as spaces. Old tars summed
/// signed bytes, and both sums are accepted.
pub(super) fn check_sum(block: &Block) -> Result<(), TarError> {
    let others = || block[..148].iter().chain(&block[156..]);
    let unsigned: i64 = others().map(|&byte| i64::from(byte)).sum::<i64>() + 8 * i64::from(b' ');
    let signed: i64 = others().map(|&byte| i64::from(byte.cast_signed())).sum::<i64>() + 8 * i64::from(b' ');
    match parse_field(&block[148..156]) {
        Some(sum) if sum == unsigned || sum == signed => Ok(()),
        _ => Err(bad_entry(b"", "not a tar header, or a damaged one")),
    }
}

/// Returns the bytes of a text field: those before the first NUL.
pub(super) fn until_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    &field[..end]
}
