//! Fields of a mount: splitting them, and reading their values.

use super::error::MountError;
use crate::{csv, suggest::suggest};

/// A field of the form `key=value` or `key`.
pub(super) struct Field {
    pub(super) text: String,
    /// Key in lower case.
    pub(super) key: String,
    pub(super) value: Option<String>,
}

impl Field {
    fn new(text: String) -> Self {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key.to_lowercase(), Some(value.to_string())),
            None => (text.to_lowercase(), None),
        };
        Self { text, key, value }
    }

    /// Reports whether the value has a `$` with anything after it; like BuildKit, this includes `$$`.
    pub(super) fn has_variable(&self) -> bool {
        let value = self.value.as_deref().unwrap_or_default();
        value.find('$').is_some_and(|at| !value[at + 1..].is_empty())
    }
}

/// Splits the value of `--mount` into its fields, at least one.
pub(super) fn split(value: &str) -> Result<Vec<Field>, MountError> {
    let fields = csv::fields(value).map_err(|reason| MountError::Csv { reason })?;
    Ok(fields.into_iter().map(Field::new).collect())
}

/// Returns the meaning of `value`, which must be one of `words` in any case.
///
/// `what` is a noun for the value: "mount type" or "sharing value".
pub(super) fn word<T: Copy>(
    what: &'static str,
    words: &[(&'static str, T)],
    value: &str,
) -> Result<T, MountError> {
    let known = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value));
    known.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
        MountError::UnknownWord { what, value: value.into(), meant: suggest(value, &names) }
    })
}

pub(super) fn boolean(key: &str, value: &str) -> Result<bool, MountError> {
    csv::boolean(value).ok_or_else(|| invalid(key, value))
}

pub(super) fn number(key: &str, value: &str, radix: u32) -> Result<u32, MountError> {
    let digits = Some(value).filter(|value| !value.starts_with('+'));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok());
    number.ok_or_else(|| MountError::InvalidNumber { key: key.into(), value: value.into() })
}

pub(super) fn size_bytes(key: &str, value: &str) -> Result<u64, MountError> {
    parse_size(value).ok_or_else(|| invalid(key, value))
}

fn invalid(key: &str, value: &str) -> MountError {
    MountError::InvalidValue { key: key.into(), value: value.into() }
}

/// Parses a size such as `1.5g`, `64 MiB` or `100` to bytes; all units are powers of 1024.
///
/// Source: docker/go-units, RAMInBytes.
fn parse_size(text: &str) -> Option<u64> {
    let split = text.rfind(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '))? + 1;
    let (number, unit) = text.split_at(split);
    let number: f64 = number.strip_suffix(' ').unwrap_or(number).parse().ok()?;
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let bytes = number * 1024_f64.powi(power);
    (bytes >= 0.0 && bytes < i64::MAX as f64).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_size(text: &str, expected: Option<u64>) {
        assert_eq!(parse_size(text), expected, "{text}");
    }

    #[test]
    fn units_of_sizes_are_powers_of_1024() {
        check_size("100", Some(100));
        check_size("64k", Some(64 << 10));
        check_size("1.5GiB", Some(3 << 29));
        check_size("2 mb", Some(2 << 20));
        check_size("7b", Some(7));
        check_size("1pB", Some(1 << 50));
    }

    #[test]
    fn malformed_sizes_are_rejected() {
        check_size("", None);
        check_size("k", None);
        check_size("1x", None);
        check_size("1kx", None);
        check_size("-1", None);
        check_size("1e400", None);
    }
}
