//! Numbers, sizes and times as people read them.

use std::time::SystemTime;

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

/// Returns a size in bytes with a decimal unit, as docker prints it: `1.24MB`.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    match (unit, value) {
        (0, _) => format!("{bytes}B"),
        (_, v) if v < 9.995 => format!("{v:.2}{}", units[unit]),
        (_, v) if v < 99.95 => format!("{v:.1}{}", units[unit]),
        (_, v) => format!("{v:.0}{}", units[unit]),
    }
}

/// Returns the time since a moment, for example `2 minutes ago`, or `-` for an unknown one.
pub fn ago(time: Option<SystemTime>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{} ago", since(time)))
}

/// Returns the time since a moment, for example `2 minutes`.
pub fn since(time: SystemTime) -> String {
    span(SystemTime::now().duration_since(time).unwrap_or_default().as_secs())
}

/// Returns a time in the largest unit of which there are at least two, as docker does.
fn span(seconds: u64) -> String {
    let units = [("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let (name, length) = units.into_iter().find(|(_, length)| seconds >= 2 * length).unwrap_or(("second", 1));
    let count = seconds / length;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
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
        check(5_000_000_000, "5.00GB");
    }

    #[test]
    fn times_read_as_docker_prints_them() {
        let check = |seconds, expected: &str| assert_eq!(span(seconds), expected);
        check(0, "0 seconds");
        check(1, "1 second");
        check(119, "119 seconds");
        check(120, "2 minutes");
        check(7200, "2 hours");
        check(3 * 86_400, "3 days");
        check(15 * 86_400, "2 weeks");
    }
}
