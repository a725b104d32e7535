//! Numbers in headers and PAX records.

/// Decodes a number of a header: octal digits with spaces and NULs around them, or GNU's base 256. Returns `None` for
/// anything else and for a number that does not fit.
pub(super) fn parse_field(field: &[u8]) -> Option<i64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        return parse_base_256(field);
    }
    let is_filler = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_filler(byte)).unwrap_or(field.len());
    let end = field.iter().rposition(|byte| !is_filler(byte)).map_or(start, |at| at + 1);
    // Some old tars end a number with a NUL and leave garbage after it. Go refuses those, and so does this reader.
    field[start..end].iter().try_fold(0_i64, |sum, &digit| match digit {
        b'0'..=b'7' => sum.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

/// Decodes a length: a number of a header that is not negative.
pub(super) fn parse_length(field: &[u8]) -> Option<u64> {
    parse_field(field).and_then(|number| u64::try_from(number).ok())
}

/// Decodes a two's complement, big-endian number. The top bit marks the encoding and does not count.
fn parse_base_256(field: &[u8]) -> Option<i64> {
    let negative = field[0] & 0x40 != 0;
    let first = if negative { i128::from(field[0]) - 0x100 } else { i128::from(field[0] & 0x7f) };
    let value = field[1..]
        .iter()
        .try_fold(first, |sum, &byte| sum.checked_mul(256).map(|sum| sum + i128::from(byte)))?;
    i64::try_from(value).ok()
}

/// Decodes a decimal number that consists of digits alone: no sign and no spaces.
pub(super) fn parse_decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}
