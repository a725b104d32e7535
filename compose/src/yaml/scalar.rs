//! Types of plain scalars, as docker compose decides them: YAML 1.2 with a few numbers of YAML 1.1.

use crate::node::Value;

/// Returns the value that a scalar without quotes and tags stands for.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::Text(text.to_owned())),
    }
}

/// Returns the value of a scalar with a tag such as `!!int`, or `None` if its text is not of that type.
pub(super) fn typed(text: &str, core: &str) -> Option<Value> {
    let value = plain(text);
    match (core, &value) {
        ("str", _) => Some(Value::Text(text.to_owned())),
        ("null", Value::Null)
        | ("bool", Value::Bool(_))
        | ("int", Value::Int(_))
        | ("float", Value::Float(_)) => Some(value),
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a number with a fraction")]
        ("float", Value::Int(whole)) => Some(Value::Float(*whole as f64)),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let digits: String = text.chars().filter(|one| *one != '_').collect();
    integer(&digits).map(Value::Int).or_else(|| float(&digits).map(Value::Float))
}

/// Reads `10`, `0x1f`, `0b11`, `0o17`, and `017`, which is octal as in YAML 1.1.
fn integer(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (base, digits) = match rest.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &rest[2..]),
        Some("0b") => (2, &rest[2..]),
        Some("0o") => (8, &rest[2..]),
        _ if rest.len() > 1 && rest.starts_with('0') => (8, &rest[1..]),
        _ => (10, rest),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), base).ok()
}

/// Reads a number with a fraction or an exponent, and `.inf` and `.nan`.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => return Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let allowed = |one: char| one.is_ascii_digit() || matches!(one, '.' | 'e' | 'E' | '+' | '-');
    (unsigned.chars().all(allowed) && unsigned.contains(|one: char| one.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}
