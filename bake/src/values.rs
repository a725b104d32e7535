//! Conversions between values, as HCL makes them: a text of digits is a number where one is needed.

use serde_json::Value;

/// Compares two values; numbers by their amount.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.to_bits() == right.to_bits() || (left - right).abs() == 0.0,
        _ => left == right,
    }
}

/// Returns a value as a text, in which numbers and booleans are written out.
pub(crate) fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Null => Err("null is not a string".to_owned()),
        Value::Array(_) => Err("a list is not a string".to_owned()),
        Value::Object(_) => Err("an object is not a string".to_owned()),
    }
}

/// Returns a value as a number, also if it is a text of digits.
pub(crate) fn number(value: &Value) -> Result<f64, String> {
    let found = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| format!("{value} is not a number"))
}

/// Returns a value as a boolean, also if it is the text `true` or `false`.
pub(crate) fn boolean(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err(format!("{value} is not a boolean")),
    }
}

/// Returns a number as a value: an integer if it is whole.
pub(crate) fn from_number(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the number is whole and small enough")]
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}
