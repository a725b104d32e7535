//! Texts of history entries. Tools read them, so they follow Go's formatting to the letter.

use oci::{Healthcheck, History};
use parser::expand::Variables;

use crate::state::State;

/// Value of `comment` in the entries of BuildKit's Dockerfile frontend.
const COMMENT: &str = "buildkit.dockerfile.v0";

/// Value of `comment` in the entries that BuildKit's exporter adds for layers without an instruction.
const EXPORTER_COMMENT: &str = "buildkit.exporter.image.v0";

/// Creates the entry of an instruction that made no layer.
pub(crate) fn empty(created_by: String, epoch_s: Option<i64>) -> History {
    History { empty_layer: true, ..layer(created_by, epoch_s) }
}

/// Creates the entry of an instruction that made a layer.
pub(crate) fn layer(created_by: String, epoch_s: Option<i64>) -> History {
    let created = epoch_s.and_then(rfc3339);
    History { created, created_by, comment: COMMENT.to_owned(), ..History::default() }
}

/// Formats seconds since 1970 as RFC 3339. Returns `None` outside the years 1 to 9999.
fn rfc3339(time_s: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(time_s).ok()?;
    Some(time.to_string())
}

/// Creates the entry of a layer that no instruction made, from the name of its step.
pub(crate) fn unaccounted(name: String) -> History {
    History { created_by: name, comment: EXPORTER_COMMENT.to_owned(), ..History::default() }
}

/// Returns the text of a RUN: the number of declared ARGs, each with its current value, then the command.
pub(crate) fn run(args: &[String], state: &State) -> String {
    let mut declared: Vec<String> = Vec::new();
    for arg in state.args.iter() {
        let value = state.env.value(&arg.name).unwrap_or(&arg.value);
        declared.push(format!("{}={value}", arg.name));
    }
    let mut words = vec!["RUN".to_owned()];
    if !declared.is_empty() {
        words.push(format!("|{}", declared.len()));
    }
    words.extend(declared);
    words.extend_from_slice(args);
    format!("{} # buildkit", words.join(" "))
}

/// Formats `["a" "b c"]`, as Go's `%q` does for a slice.
pub(crate) fn quoted_list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(" "))
}

/// Formats `[a b]`, as Go's `%v` does for a slice.
pub(crate) fn plain_list(words: &[String]) -> String {
    format!("[{}]", words.join(" "))
}

/// Puts a text into double quotes, as Go's `strconv.Quote` does.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", c as u32)),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Formats `{Test:[CMD true] Interval:1s ...}`, as Go's `%v` does for the structure.
pub(crate) fn healthcheck(check: &Healthcheck) -> String {
    format!(
        "HEALTHCHECK {{Test:{} Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
        plain_list(&check.test),
        duration(check.interval_ns),
        duration(check.timeout_ns),
        duration(check.start_period_ns),
        duration(check.start_interval_ns),
        check.retries
    )
}

/// Formats a duration as Go's `Duration.String` does: `1h2m3.004s`, `500ms`, `0s`.
fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let fraction = |ns: u64, unit: u64| {
        let digits = format!("{:0width$}", ns % unit, width = unit.ilog10() as usize);
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { (ns / unit).to_string() } else { format!("{}.{digits}", ns / unit) }
    };
    const SECOND: u64 = 1_000_000_000;
    let text = match ns {
        0 => "0s".to_owned(),
        ns if ns < 1_000 => format!("{ns}ns"),
        ns if ns < 1_000_000 => format!("{}µs", fraction(ns, 1_000)),
        ns if ns < SECOND => format!("{}ms", fraction(ns, 1_000_000)),
        ns => {
            let seconds = format!("{}s", fraction(ns % (60 * SECOND), SECOND));
            let minutes = ns / (60 * SECOND);
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_duration(ns: i64, expected: &str) {
        assert_eq!(duration(ns), expected);
    }

    #[test]
    fn durations_are_formatted_like_those_of_go() {
        check_duration(0, "0s");
        check_duration(1_500_000, "1.5ms");
        check_duration(500_000_000, "500ms");
        check_duration(1_500_000_000, "1.5s");
        check_duration(60_000_000_000, "1m0s");
        check_duration(90_000_000_000, "1m30s");
        check_duration(3_600_000_000_000, "1h0m0s");
        check_duration(3_723_004_000_000, "1h2m3.004s");
        check_duration(1_500, "1.5µs");
        check_duration(-1, "-1ns");
    }

    #[test]
    fn times_are_formatted_as_rfc_3339() {
        assert_eq!(rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(rfc3339(1_500_000_000).as_deref(), Some("2017-07-14T02:40:00Z"));
        assert_eq!(rfc3339(i64::MAX), None);
    }

    #[test]
    fn quoted_words_are_escaped_like_those_of_go() {
        let words = ["a b", "", "\"q\" \\", "tab\t\u{1}\n", "grün"].map(str::to_owned);
        assert_eq!(quoted_list(&words), r#"["a b" "" "\"q\" \\" "tab\t\x01\n" "grün"]"#);
    }
}
