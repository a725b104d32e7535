//! Numbers, sizes and booleans that can be written as texts.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::scalar_text;
use crate::interpolate::boolean;

/// Size in bytes. It is read from `512m`, `1.5 GiB` or a number, and written as a text of digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub i64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => Ok(Self(number.as_i64().unwrap_or_default())),
            Value::String(text) => size(&text).map(Self).map_err(D::Error::custom),
            _ => Ok(Self(0)),
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Reads a size as docker does: powers of 1024, with or without `b` and `ib`.
fn size(text: &str) -> Result<i64, String> {
    if let Ok(bytes) = text.parse() {
        return Ok(bytes);
    }
    let wrong = || format!("{text:?} is not a size: use a number with b, k, m, g, t or p");
    let digits = text.trim_end_matches(|one: char| one.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    let number: f64 = digits.trim_end().parse().map_err(|_| wrong())?;
    let power = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(wrong()),
    };
    if number < 0.0 {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, reason = "sizes are whole bytes, and the cast saturates")]
    Ok((number * 1024_f64.powi(power)) as i64)
}

/// Mode of a file. It is read from a number or from octal digits, and written as `0440`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileMode(pub i64);

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => i64::from_str_radix(&text, 8)
                .map(Self)
                .map_err(|_| D::Error::custom(format!("{text:?} is not an octal mode such as \"0440\""))),
            value => value.as_i64().map(Self).ok_or_else(|| D::Error::custom("must be a mode such as 0440")),
        }
    }
}

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0{:o}", self.0))
    }
}

/// Limit on a resource of each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ulimit {
    /// The same value for both.
    Single(i64),
    /// A value for each of both.
    Both {
        /// Value that is enforced.
        #[serde(default, skip_serializing_if = "crate::model::is_default")]
        soft: i64,
        /// Largest value that a process can set.
        #[serde(default, skip_serializing_if = "crate::model::is_default")]
        hard: i64,
    },
}

/// Reads a boolean or a word for one.
pub(in super::super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    optional_flag(deserializer).map(Option::unwrap_or_default)
}

/// Reads a boolean or a word for one, which can be absent.
pub(in super::super) fn optional_flag<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<bool>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(value)),
        Value::String(text) => boolean(&text).map(Some).map_err(D::Error::custom),
        _ => Err(D::Error::custom("must be true or false")),
    }
}

/// Reads a whole number or its digits.
pub(in super::super) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    optional_integer(deserializer).map(Option::unwrap_or_default)
}

/// Reads a whole number or its digits, which can be absent.
pub(in super::super) fn optional_integer<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = match &value {
        Value::Null => return Ok(None),
        Value::String(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "a fraction is dropped, as docker compose does")]
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        _ => None,
    };
    number.map(Some).ok_or_else(|| D::Error::custom(format!("{value} is not an integer")))
}

/// Reads a number with a fraction or its digits.
pub(in super::super) fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = match &value {
        Value::Null => Some(0.0),
        Value::String(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "docker compose keeps single precision, too")]
        Value::Number(number) => number.as_f64().map(|float| float as f32),
        _ => None,
    };
    number.ok_or_else(|| D::Error::custom(format!("{value} is not a number")))
}

/// Reads a number of devices; -1 for `all`.
pub(in super::super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) if text.eq_ignore_ascii_case("all") => Ok(-1),
        Value::String(text) => {
            text.parse().map_err(|_| D::Error::custom(format!("{text:?} is neither \"all\" nor a number")))
        }
        value => value.as_i64().ok_or_else(|| D::Error::custom("must be \"all\" or a number")),
    }
}

/// Reads a text or a number as a text.
pub(in super::super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(scalar_text(&Value::deserialize(deserializer)?).unwrap_or_default())
}

/// Reads a text or number, or a list of them, as a list of texts.
pub(in super::super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text =
        |value: &Value| scalar_text(value).ok_or_else(|| D::Error::custom("must be a list of strings"));
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(text).collect(),
        other => Ok(vec![text(&other)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_units_of_1024() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(size(text).ok(), expected, "{text}");
        check("5", Some(5));
        check("-1", Some(-1));
        check("1k", Some(1024));
        check("1.5 GiB", Some(1_610_612_736));
        check("2MB", Some(2_097_152));
        check("10b", Some(10));
        check("x", None);
        check("1x", None);
        check("", None);
    }
}
