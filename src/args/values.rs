//! Values that several flags share.

use crate::exit::Fault;
use crate::failure::Failure;

/// Reads a boolean as docker's flags do: `--pull`, `--pull=true`, `--pull=0`.
///
/// Source: `strconv.ParseBool` of Go.
pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("use true or false".to_owned()),
    }
}

/// Reads a size in bytes: `64m`, `1g`, `1024`. Units are powers of 1024, as docker reads them.
pub fn size_bytes(text: &str, flag: &str) -> Result<u64, Failure> {
    let bad =
        || Failure::new(Fault::Usage, format!("{flag} {text:?} is not a size")).hint("for example 64m or 1g");
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match lower[digits.len()..].trim_end_matches('b').trim_end_matches('i') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return Err(bad()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| bad())?;
    if !(number.is_finite() && number >= 0.0) {
        return Err(bad());
    }
    Ok((number * factor as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        let check =
            |text, expected: Option<u64>| assert_eq!(size_bytes(text, "--x").ok(), expected, "{text}");
        check("1024", Some(1024));
        check("64m", Some(64 << 20));
        check("64MB", Some(64 << 20));
        check("1GiB", Some(1 << 30));
        check("1.5k", Some(1536));
        check("", None);
        check("x", None);
        check("-1", None);
    }

    #[test]
    fn booleans_are_those_of_go() {
        let check = |text, expected: Option<bool>| assert_eq!(switch(text).ok(), expected, "{text}");
        check("true", Some(true));
        check("T", Some(true));
        check("1", Some(true));
        check("False", Some(false));
        check("0", Some(false));
        check("yes", None);
        check("", None);
    }
}
