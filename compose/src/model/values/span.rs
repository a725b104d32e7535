//! Durations: read from `1m30s`, written in the same form.

use std::fmt;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Duration of Compose, such as the interval of a health check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Units with their length in nanoseconds; longer names come first.
const UNITS: &[(&str, f64)] = &[
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
    ("d", 86_400e9),
    ("w", 604_800e9),
];

impl Span {
    /// Reads a sum of numbers with units, such as `1h30m` or `1.5s`; `None` if a unit is missing or unknown.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self::default());
        }
        let mut nanoseconds = 0.0;
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|one: char| !one.is_ascii_digit() && one != '.')?;
            let number: f64 = rest[..end].parse().ok()?;
            rest = &rest[end..];
            let length = rest.find(|one: char| one.is_ascii_digit() || one == '.').unwrap_or(rest.len());
            let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == &rest[..length])?;
            nanoseconds += number * factor;
            rest = &rest[length..];
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        (!text.is_empty()).then(|| Self(Duration::from_nanos(nanoseconds.round() as u64)))
    }
}

/// Writes hours, minutes and seconds (`1h0m5s`), or a fraction of a second (`1.5ms`).
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        let fraction = |f: &mut fmt::Formatter<'_>, per_unit: u128, unit: &str| {
            let (whole, part) = (nanoseconds / per_unit, nanoseconds % per_unit);
            write!(f, "{whole}{}{unit}", decimals(part, per_unit))
        };
        match nanoseconds {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanoseconds}ns"),
            1_000..1_000_000 => fraction(f, 1_000, "µs"),
            1_000_000..1_000_000_000 => fraction(f, 1_000_000, "ms"),
            _ => {
                let (seconds, part) = (self.0.as_secs(), u128::from(self.0.subsec_nanos()));
                let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if seconds >= 60 {
                    write!(f, "{minutes}m")?;
                }
                write!(f, "{}{}s", seconds % 60, decimals(part, 1_000_000_000))
            }
        }
    }
}

/// Returns `.5` for 500 of 1000, and nothing for 0.
fn decimals(part: u128, whole: u128) -> String {
    if part == 0 {
        return String::new();
    }
    let width = whole.ilog10() as usize;
    format!(".{part:0width$}").trim_end_matches('0').to_owned()
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = super::scalar_text(&value).unwrap_or_default();
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not a duration such as \"1m30s\"")))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_go_writes_it() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Span::parse(text).map(|span| span.to_string()).as_deref(), Some(expected), "{text}");
        };
        check("90s", "1m30s");
        check("1h", "1h0m0s");
        check("1d2h", "26h0m0s");
        check("1.5s", "1.5s");
        check("1500us", "1.5ms");
        check("300ms", "300ms");
        check("5ns", "5ns");
        check("0s", "0s");
        check("1m0.25s", "1m0.25s");
        for text in ["", "5", "5x", "s", "1m5"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
