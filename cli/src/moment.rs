//! Moments on the command line: `24h`, `2026-01-31`, `2026-01-31T12:00:00Z`, or seconds since 1970.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Reads a moment as docker's `until` does, in milliseconds since 1970. A duration is counted back from now, and a date
/// without a zone is in UTC.
///
/// Source: moby, `api/types/time`, `GetTimestamp`.
pub fn parse(text: &str, now_ms: u64) -> Option<u64> {
    let text = text.trim();
    if let Some(duration_ms) = duration_ms(text) {
        return Some(now_ms.saturating_sub(duration_ms));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let seconds: f64 = text.parse().ok()?;
        return Some((seconds * 1000.0) as u64);
    }
    let zoned = text.parse::<Timestamp>().ok();
    let local = || text.parse::<DateTime>().ok().or_else(|| Some(text.parse::<Date>().ok()?.at(0, 0, 0, 0)));
    let moment = zoned.or_else(|| TimeZone::UTC.to_timestamp(local()?).ok())?;
    Some(u64::try_from(moment.as_millisecond()).unwrap_or(0))
}

/// Reads a duration of Go: `1h30m`, `10s`, `1.5h`.
pub fn duration_ms(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total_ms = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" | "µs" => 0.001,
            "ns" => 0.000_001,
            _ => return None,
        };
        total_ms += number * factor;
        rest = &rest[unit..];
    }
    (!text.is_empty()).then_some(total_ms as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_docker_reads_them() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse(text, 1_000_000_000_000), expected, "{text}");
        };
        check("10m", Some(1_000_000_000_000 - 600_000));
        check("1h30m", Some(1_000_000_000_000 - 5_400_000));
        check("1.5s", Some(1_000_000_000_000 - 1500));
        check("1136073845", Some(1_136_073_845_000));
        check("2006-01-02", Some(1_136_160_000_000));
        check("2006-01-02T15:04:05", Some(1_136_214_245_000));
        check("2006-01-02T15:04:05Z", Some(1_136_214_245_000));
        check("2006-01-02T15:04:05+01:00", Some(1_136_210_645_000));
        check("yesterday", None);
        check("5 parsecs", None);
        check("", None);
    }
}
