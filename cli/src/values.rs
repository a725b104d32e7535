//! Values that several flags share.

use crate::UsageError;

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
pub fn size_bytes(text: &str, flag: &str) -> Result<u64, UsageError> {
    let bad = || UsageError::new(format!("{flag} {text:?} is not a size")).with_hint("for example 64m or 1g");
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

/// Reads `--memory`: at least 6 MiB, with which a process can start, as docker has it. 0 means no limit.
pub fn memory(text: Option<&str>) -> Result<Option<u64>, UsageError> {
    const MIN_BYTES: u64 = 6 << 20;
    match text.map(|text| size_bytes(text, "--memory")).transpose()? {
        None | Some(0) => Ok(None),
        Some(bytes) if bytes < MIN_BYTES => {
            Err(UsageError::new("--memory: the minimum is 6 MiB").with_hint("for example --memory 512m"))
        }
        Some(bytes) => Ok(Some(bytes)),
    }
}

/// Reads `--pids-limit`. 0 and -1 mean no limit, as for docker.
pub fn pids_limit(number: Option<i64>) -> Option<u64> {
    number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0)
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
    fn limits_of_resources_are_those_of_docker() {
        assert_eq!(memory(None).ok(), Some(None));
        assert_eq!(memory(Some("0")).ok(), Some(None));
        assert_eq!(memory(Some("64m")).ok(), Some(Some(64 << 20)));
        assert_eq!(memory(Some("1m")).ok(), None);
        assert_eq!([None, Some(-1), Some(0), Some(50)].map(pids_limit), [None, None, None, Some(50)]);
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
