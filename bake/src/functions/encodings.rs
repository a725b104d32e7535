//! Functions that encode and decode: base64, JSON, CSV, URLs, digests, timestamps.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha512};

use super::Arguments;

pub(super) fn call(name: &str, arguments: Arguments<'_>) -> Option<Result<Value, String>> {
    let function: fn(Arguments<'_>) -> Result<Value, String> = match name {
        "base64decode" => |args| {
            let bytes = STANDARD.decode(args.text(0)?).map_err(|error| error.to_string())?;
            String::from_utf8(bytes)
                .map(Value::from)
                .map_err(|_| "the decoded bytes are not UTF-8".to_owned())
        },
        "base64encode" => |args| Ok(Value::from(STANDARD.encode(args.text(0)?))),
        "csvdecode" => |args| csv(&args.text(0)?),
        "jsondecode" => |args| serde_json::from_str(&args.text(0)?).map_err(|error| error.to_string()),
        "jsonencode" => |args| Ok(Value::from(args.value(0)?.to_string())),
        "sha256" => |args| Ok(Value::from(hex(&Sha256::digest(args.text(0)?)))),
        "sha512" => |args| Ok(Value::from(hex(&Sha512::digest(args.text(0)?)))),
        "timeadd" => time_add,
        "timestamp" => |_| Ok(Value::from(rfc3339(Timestamp::now()))),
        "urlencode" => |args| Ok(Value::from(url(&args.text(0)?))),
        _ => return None,
    };
    Some(function(arguments))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Encodes a text for the query of a URL, in which a blank is a plus sign.
fn url(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// Reads lines with fields separated by commas; the first line names the fields.
fn csv(text: &str) -> Result<Value, String> {
    let mut rows = text.lines().filter(|line| !line.is_empty()).map(fields);
    let header = rows.next().ok_or("there is no header")?;
    let row = |fields: Vec<String>| {
        if fields.len() != header.len() {
            return Err(format!("a line has {} fields, the header has {}", fields.len(), header.len()));
        }
        Ok(Value::Object(
            header.iter().cloned().zip(fields.into_iter().map(Value::from)).collect::<Map<_, _>>(),
        ))
    };
    rows.map(row).collect()
}

/// Splits a line at commas outside of quotes. Two quotes inside of quotes are one.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(one) = characters.next() {
        match one {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}

/// Adds a duration to a time: `timeadd("2026-01-01T00:00:00Z", "1h")`.
fn time_add(args: Arguments<'_>) -> Result<Value, String> {
    let (time, duration) = (args.text(0)?, args.text(1)?);
    let time: Timestamp = time.parse().map_err(|_| format!("{time:?} is not a time of RFC 3339"))?;
    let (sign, amount) = match duration.strip_prefix('-') {
        Some(amount) => (-1, amount),
        None => (1, duration.as_str()),
    };
    let span =
        compose::model::Span::parse(amount).ok_or_else(|| format!("{duration:?} is not a duration"))?;
    let span = SignedDuration::try_from(span.0).map_err(|error| error.to_string())? * sign;
    time.checked_add(span).map(|time| Value::from(rfc3339(time))).map_err(|error| error.to_string())
}

/// Writes a time in whole seconds.
fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
