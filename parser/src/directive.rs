//! Parser directives: `# key=value` lines above everything else.
//!
//! ```text
//! directive = "#" blanks key blanks "=" blanks value blanks
//! key       = letter { letter | digit }
//! ```
//!
//! BuildKit reads directives twice and by different rules, and so does this parser. The line reader finds `escape`; it
//! ignores leading blanks. A separate search finds `syntax` and `check`; it reads the lines as they are and skips a
//! `#!` line at the top. Both stop at the first line that is not a known directive.

use nom::{
    IResult, Parser,
    bytes::complete::{take_while, take_while_m_n},
    character::complete::{char, multispace0},
    combinator::{recognize, rest, verify},
    sequence::{pair, preceded, separated_pair},
};

use crate::{ast::Directives, error::Fault};

const KNOWN_KEYS: [&str; 3] = ["syntax", "escape", "check"];

/// Finds the directives among the lines of a file, which must be passed in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct DirectiveReader {
    seen_keys: Vec<String>,
    /// Whether a line was read that is not a directive.
    is_done: bool,
}

impl DirectiveReader {
    /// Creates a reader for lines that cannot be directives any more.
    pub(crate) fn ended() -> Self {
        Self { is_done: true, ..Self::default() }
    }

    /// Returns the key (in lower case) and the value if `line` is a directive.
    pub(crate) fn read(&mut self, line: &str) -> Result<Option<(String, String)>, Fault> {
        if self.is_done {
            return Ok(None);
        }
        let Some((key, value)) = parse(line).filter(|(key, _)| KNOWN_KEYS.contains(&key.as_str())) else {
            self.is_done = true;
            return Ok(None);
        };
        if self.seen_keys.contains(&key) {
            return Err(Fault::new(format!("only one {key} parser directive can be used")));
        }
        self.seen_keys.push(key.clone());
        Ok(Some((key, value)))
    }
}

/// Parses the value of the `escape` directive.
pub(crate) fn escape(value: &str) -> Result<char, Fault> {
    match value {
        "\\" => Ok('\\'),
        "`" => Ok('`'),
        _ => Err(Fault::new(format!("invalid escape token '{value}' does not match ` or \\")).blaming(value)),
    }
}

/// Searches `text`, which must not have a byte order mark, for `syntax` and `check`.
pub(crate) fn lookup(text: &[u8], escape: char) -> Directives {
    let mut found = Directives { escape, syntax: None, syntax_line: None, check: None };
    let mut reader = DirectiveReader::default();
    let mut lines = (1..).zip(text.split(|byte| *byte == b'\n')).peekable();
    lines.next_if(|(_, line)| line.starts_with(b"#!"));
    for (number, line) in lines {
        match reader.read(&String::from_utf8_lossy(line)) {
            Ok(Some((key, value))) if key == "syntax" => {
                (found.syntax, found.syntax_line) = (Some(value), Some(number));
            }
            Ok(Some((key, value))) if key == "check" => found.check = Some(value),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
    found
}

fn parse(line: &str) -> Option<(String, String)> {
    let (_, (key, value)) = directive(line).ok()?;
    Some((key.to_ascii_lowercase(), value.to_string()))
}

fn directive(input: &str) -> IResult<&str, (&str, &str)> {
    let hash = pair(char('#'), take_while(char::is_whitespace));
    let equals = (multispace0, char('='), multispace0);
    preceded(hash, separated_pair(key, equals, value)).parse(input)
}

fn key(input: &str) -> IResult<&str, &str> {
    let letter = take_while_m_n(1, 1, |c: char| c.is_ascii_alphabetic());
    recognize(pair(letter, take_while(|c: char| c.is_ascii_alphanumeric()))).parse(input)
}

fn value(input: &str) -> IResult<&str, &str> {
    verify(rest.map(|text: &str| text.trim_end_matches(|c: char| c.is_ascii_whitespace())), |value: &str| {
        !value.is_empty()
    })
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(key, value)| (key.to_string(), value.to_string()));
        assert_eq!(parse(line), expected, "{line:?}");
    }

    #[test]
    fn a_directive_is_a_comment_with_key_and_value() {
        check("# escape=`", Some(("escape", "`")));
        check("#EsCaPe  =  ` \t\r", Some(("escape", "`")));
        check("#\tsyntax = docker/dockerfile:1 extra", Some(("syntax", "docker/dockerfile:1 extra")));
        check("# check=skip=all", Some(("check", "skip=all")));
    }

    #[test]
    fn other_lines_are_not_directives() {
        check("# escape=", None);
        check("# escape", None);
        check("# two words=x", None);
        check("# 1a=x", None);
        check("escape=x", None);
        check(" # escape=x", None);
    }

    #[track_caller]
    fn check_lookup(text: &str, syntax: Option<&str>, check: Option<&str>) {
        let found = lookup(text.as_bytes(), '\\');
        assert_eq!((found.syntax.as_deref(), found.check.as_deref()), (syntax, check), "{text:?}");
    }

    #[test]
    fn syntax_and_check_are_found_at_the_top() {
        check_lookup("# syntax=a\n# check=b\nFROM x", Some("a"), Some("b"));
        check_lookup("#!/bin/sh\n# syntax=a\n", Some("a"), None);
    }

    #[test]
    fn the_search_ends_at_the_first_other_line() {
        check_lookup("# note\n# syntax=a\n", None, None);
        check_lookup("\n# syntax=a\n", None, None);
        check_lookup("# syntax=a\r\n# unknown=1\r\n# check=b\r\n", Some("a"), None);
        check_lookup("# syntax=a\n# syntax=b\n# check=c\n", Some("a"), None);
        check_lookup("  # syntax=a\n", None, None);
    }

    #[test]
    fn a_repeated_directive_is_an_error() {
        let mut reader = DirectiveReader::default();
        assert!(reader.read("# escape=`").is_ok());
        let fault = reader.read("# escape=`").expect_err("repeated");
        assert_eq!(fault.message, "only one escape parser directive can be used");
    }

    #[test]
    fn the_escape_character_is_a_backslash_or_a_backtick() {
        assert_eq!(escape("`"), Ok('`'));
        assert_eq!(escape("\\"), Ok('\\'));
        assert!(escape("x").is_err());
    }
}
