//! Numbers, sizes and times as people read them.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Returns a number with a comma between thousands: `1,234,567`.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a size in bytes with a decimal unit and three digits, as docker prints that of an image: `1.24MB`.
pub fn size(bytes: u64) -> String {
    size_with_digits(bytes, 3)
}

/// Returns a size in bytes with a decimal unit and four digits, as docker prints disk usage: `1.235MB`.
pub fn disk_size(bytes: u64) -> String {
    size_with_digits(bytes, 4)
}

/// Returns a size with a decimal unit and at most this many digits.
///
/// Source: docker/go-units, `HumanSizeWithPrecision`.
fn size_with_digits(bytes: u64, digits: usize) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    let rounded = |value: f64| {
        let whole = format!("{value:.0}").len();
        let text = format!("{value:.*}", digits.saturating_sub(whole));
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    while unit + 1 < units.len()
        && (value >= 1000.0 || rounded(value).len() > 3 && !rounded(value).contains('.'))
    {
        value /= 1000.0;
        unit += 1;
    }
    format!("{}{}", rounded(value), units[unit])
}

/// Returns the present in milliseconds since 1970.
pub fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a moment as docker prints it: `2026-01-31 12:00:00 +0000 UTC`.
pub fn date(time: SystemTime) -> String {
    let moment = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()
}

/// Returns a moment in RFC 3339 format with nine digits of its second, as docker begins lines of a log.
pub fn rfc3339_nanoseconds(time: SystemTime) -> String {
    let moment = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

/// Returns a moment in RFC 3339 format, with the fraction that it has.
pub fn rfc3339(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Returns the time since a moment, for example `2 minutes ago`, or `-` for an unknown one.
pub fn ago(time: Option<SystemTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{} ago", since(time)))
}

/// Returns the time since a moment, for example `2 minutes`.
pub fn since(time: SystemTime) -> String {
    span(SystemTime::now().duration_since(time).unwrap_or_default().as_secs())
}

/// Returns a time in words, as docker does.
///
/// Source: docker/go-units, `HumanDuration`.
fn span(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    let days = hours / 24;
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".to_owned(),
        120..3600 if hours < 1 || minutes < 60 => format!("{minutes} minutes"),
        _ if hours == 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if days < 14 => format!("{days} days"),
        _ if days < 60 => format!("{} weeks", days / 7),
        _ if days < 730 => format!("{} months", days / 30),
        _ => format!("{} years", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let check = |value, expected: &str| assert_eq!(number(value), expected);
        check(0, "0");
        check(999, "999");
        check(1000, "1,000");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn sizes_read_as_docker_prints_them() {
        let check = |bytes, expected: &str| assert_eq!(size(bytes), expected);
        check(0, "0B");
        check(999, "999B");
        check(1_240_000, "1.24MB");
        check(45_300, "45.3kB");
        check(123_456_789, "123MB");
        check(5_000_000_000, "5GB");
        check(999_999, "1MB");
        check(12_300, "12.3kB");
    }

    #[test]
    fn disk_usage_has_four_digits() {
        let check = |bytes, expected: &str| assert_eq!(disk_size(bytes), expected);
        check(0, "0B");
        check(211, "211B");
        check(1_982_498, "1.982MB");
        check(45_304_700_000, "45.3GB");
        check(999_999, "1MB");
    }

    #[test]
    fn times_read_as_docker_prints_them() {
        let check = |seconds, expected: &str| assert_eq!(span(seconds), expected);
        check(0, "Less than a second");
        check(1, "1 second");
        check(59, "59 seconds");
        check(119, "About a minute");
        check(120, "2 minutes");
        check(3599, "59 minutes");
        check(3600, "About an hour");
        check(5399, "About an hour");
        check(5400, "2 hours");
        check(47 * 3600, "47 hours");
        check(3 * 86_400, "3 days");
        check(15 * 86_400, "2 weeks");
        check(90 * 86_400, "3 months");
        check(46 * 365 * 86_400, "46 years");
    }
}
