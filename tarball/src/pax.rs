//! Decoding of PAX headers: `length " " keyword "=" value "\n"`, record by record, and their effect on a member.
//!
//! Source: POSIX.1-2017, pax, "pax Extended Header".

use std::collections::BTreeMap;

use super::member::Member;
use super::number::parse_decimal;
use super::read_header::check_owner;
use crate::TarError;
use crate::Timestamp;
use crate::error::bad_entry;

/// Keyword and value of one record.
pub(super) type Record = (Vec<u8>, Vec<u8>);

/// Records before a member, in order. The last record of a keyword counts; only the oldest form of sparse files
/// repeats keywords on purpose.
pub(super) type Records = Vec<Record>;

/// Decodes the body of a PAX header.
pub(super) fn parse_records(mut body: &[u8]) -> Result<Records, TarError> {
    let mut records = Vec::new();
    while !body.is_empty() {
        let (record, rest) = parse_record(body).ok_or_else(|| bad_entry(b"", "a malformed PAX record"))?;
        records.push(record);
        body = rest;
    }
    Ok(records)
}

/// Decodes the first record of `body`; returns it with the bytes that follow it.
fn parse_record(body: &[u8]) -> Option<(Record, &[u8])> {
    let space = body.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(parse_decimal(&body[..space])?).ok()?;
    let record = body.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    let (keyword, value) = (&record[..equals], &record[equals + 1..]);
    let is_text = matches!(keyword, b"path" | b"linkpath" | b"uname" | b"gname");
    if keyword.is_empty() || keyword.contains(&0) || (is_text && value.contains(&0)) {
        return None;
    }
    Some(((keyword.to_vec(), value.to_vec()), &body[length..]))
}

/// Returns the value of the last record with `keyword`.
pub(super) fn last<'a>(records: &'a Records, keyword: &[u8]) -> Option<&'a [u8]> {
    records.iter().rev().find(|(found, _)| found == keyword).map(|(_, value)| value.as_slice())
}

/// Sets the numbers of `member` for which there are records: size, owner and time. A record without a value does not
/// count.
pub(super) fn apply_numbers(member: &mut Member, records: &Records) -> Result<(), TarError> {
    let name = member.name.clone();
    let text = |keyword: &[u8]| last(records, keyword).filter(|value| !value.is_empty());
    let decimal = |keyword: &'static str| match text(keyword.as_bytes()) {
        None => Ok(None),
        Some(value) => match parse_decimal(value) {
            Some(number) => Ok(Some(number)),
            None => Err(bad_entry(&name, format!("its {keyword} is not a number"))),
        },
    };
    if let Some(size) = decimal("size")? {
        member.size_bytes = size;
    }
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    if let Some(uid) = decimal("uid")? {
        member.uid = check_owner(signed(uid), &name)?;
    }
    if let Some(gid) = decimal("gid")? {
        member.gid = check_owner(signed(gid), &name)?;
    }
    if let Some(value) = text(b"mtime") {
        member.mtime = parse_time(value).ok_or_else(|| bad_entry(&name, "its mtime is not a number"))?;
    }
    Ok(())
}

/// Decodes `[-]seconds[.fraction]`; digits beyond nanoseconds are dropped.
fn parse_time(text: &[u8]) -> Option<Timestamp> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let dot = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    let seconds = i64::try_from(parse_decimal(&text[..dot])?).ok()?;
    let fraction = text.get(dot + 1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |place: usize| u32::from(fraction.get(place).map_or(0, |digit| digit - b'0'));
    let nanoseconds = (0..9).fold(0, |sum, place| sum * 10 + digit(place));
    Some(match (negative, nanoseconds) {
        (false, _) => Timestamp { seconds, nanoseconds },
        (true, 0) => Timestamp { seconds: -seconds, nanoseconds: 0 },
        (true, _) => Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

/// Returns the extended attributes among `records`. Overlayfs' own are left out: they would redirect overlayfs, and
/// no image needs them.
pub(super) fn xattrs(records: &Records) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let attribute =
        |(keyword, value): &Record| Some((keyword.strip_prefix(b"SCHILY.xattr.")?.to_vec(), value.clone()));
    records.iter().filter_map(attribute).filter(|(name, _)| !is_overlay_xattr(name)).collect()
}

fn is_overlay_xattr(name: &[u8]) -> bool {
    name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.")
}

/// Checks a global header. Those are comments (`git archive` writes the commit there); a global header that changes
/// the members after it is an error, because readers disagree about its effect.
pub(super) fn check_global(records: &Records) -> Result<(), TarError> {
    let changes_members = |keyword: &[u8]| {
        matches!(keyword, b"path" | b"linkpath" | b"size" | b"uid" | b"gid")
            || keyword.starts_with(b"GNU.sparse.")
            || keyword.starts_with(b"SCHILY.")
    };
    match records.iter().find(|(keyword, _)| changes_members(keyword)) {
        Some((keyword, _)) => {
            let keyword = keyword.escape_ascii();
            Err(bad_entry(
                b"",
                format!("a global header sets {keyword}, which readers interpret differently"),
            ))
        }
        None => Ok(()),
    }
}
