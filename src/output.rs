//! stdout and stderr, and what the terminal behind them can show.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{self, IsTerminal, Write};
use std::ops::RangeInclusive;
use std::path::Path;

/// Characters that show what follows them in another order.
const REORDERING: RangeInclusive<char> = '\u{202a}'..='\u{202e}';

/// Prints a result. A reader that went away is no failure of ours.
pub fn line(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}");
}

/// Prints a result that has its own line ends.
pub fn text(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
}

/// Prints for people, beside the result.
pub fn note(text: &str) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// Prints a failure.
pub fn error(report: &str) {
    note(report.trim_end());
}

/// True if stderr is a terminal that takes colours.
pub fn styled() -> bool {
    io::stderr().is_terminal() && crate::environment::variable("NO_COLOR").is_none()
}

/// True if stdout is a terminal that takes colours.
pub fn is_styled() -> bool {
    is_terminal() && crate::environment::variable("NO_COLOR").is_none()
}

/// Prints bytes that are for programs.
pub fn bytes(bytes: &[u8]) {
    let _ = io::stdout().lock().write_all(bytes);
}

/// True if stdout is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Columns and rows of the terminal behind stderr; 80 by 24 where there is none.
pub fn terminal_size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// What a process wrote, fit for a terminal: no escape sequences, no control characters but tab.
pub fn sanitized(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\t' => clean.push('\t'),
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}

/// Skips what follows ESC: CSI up to its final byte, OSC up to BEL or ST, else one character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    return;
                }
            }
        }
        _ => {}
    }
}

/// A path as one line of text that cannot be taken for another: what is no printable text stands as an escape.
pub fn path(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\n' | '\r' | '\t' => text.extend(c.escape_default()),
                c if c.is_control() || REORDERING.contains(&c) => text.extend(c.escape_unicode()),
                c => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// A number with its thousands apart.
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

/// Bytes as people read them, as docker prints them: `1.24MB`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        let check = |text: &str, expected: &str| assert_eq!(sanitized(text), expected, "{text:?}");
        check("plain\ttext", "plain\ttext");
        check("\u{1b}[31mred\u{1b}[0m", "red");
        check("\u{1b}]0;title\u{7}after", "after");
        check("\u{1b}]52;c;x\u{1b}\\after", "after");
        check("a\u{8}b\r", "ab");
        check("\u{1b}", "");
    }

    #[test]
    fn paths_are_one_line_of_text() {
        use std::os::unix::ffi::OsStrExt;
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(path(Path::new(std::ffi::OsStr::from_bytes(bytes))), expected);
        };
        check("d/é x".as_bytes(), "d/é x");
        check(b"caf\xe9\n\\", "caf\\xe9\\n\\\\");
        check("\u{1b}[31m\u{202e}".as_bytes(), "\\u{1b}[31m\\u{202e}");
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
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
}
