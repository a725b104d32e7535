//! Parser directives: `# key=value` lines above everything else.
//!
//! ```text
//! directive = "#" blanks key blanks "=" blanks value blanks
//! key       = letter { letter | digit }
//! ```
//!
//! BuildKit reads them twice, with different eyes, and so do we. `escape` is met by the line reader,
//! which drops leading blanks. `syntax` and `check` are looked up in the bytes as they are, below a
//! `#!` line if there is one. The first line that is no known directive ends both.

use nom::{
    IResult, Parser,
    bytes::complete::{take_while, take_while_m_n},
    character::complete::{char, multispace0},
    combinator::{recognize, rest, verify},
    sequence::{pair, preceded, separated_pair},
};

use crate::{ast::Directives, error::Fault};

const KNOWN: [&str; 3] = ["syntax", "escape", "check"];

/// Meets the lines of a file in order and tells which are directives.
#[derive(Debug, Clone, Default)]
pub(crate) struct DirectiveReader {
    seen: Vec<String>,
    done: bool,
}

impl DirectiveReader {
    /// A reader that has met the last directive.
    pub(crate) fn ended() -> Self {
        Self { done: true, ..Self::default() }
    }

    /// Returns key (in lower case) and value if `line` is a directive.
    pub(crate) fn read(&mut self, line: &str) -> Result<Option<(String, String)>, Fault> {
        if self.done {
            return Ok(None);
        }
        let Some((key, value)) = parse(line).filter(|(key, _)| KNOWN.contains(&key.as_str())) else {
            self.done = true;
            return Ok(None);
        };
        if self.seen.contains(&key) {
            return Err(Fault::new(format!("only one {key} parser directive can be used")));
        }
        self.seen.push(key.clone());
        Ok(Some((key, value)))
    }
}

/// Reads the value of the `escape` directive.
pub(crate) fn escape(value: &str) -> Result<char, Fault> {
    match value {
        "\\" => Ok('\\'),
        "`" => Ok('`'),
        _ => Err(Fault::new(format!("invalid escape token '{value}' does not match ` or \\")).blaming(value)),
    }
}

/// Looks up `syntax` and `check` in `text`, which has no byte order mark.
pub(crate) fn lookup(text: &[u8], escape: char) -> Directives {
    let mut found = Directives { escape, syntax: None, check: None };
    let mut reader = DirectiveReader::default();
    let mut lines = text.split(|byte| *byte == b'\n').peekable();
    lines.next_if(|line| line.starts_with(b"#!"));
    for line in lines {
        match reader.read(&String::from_utf8_lossy(line)) {
            Ok(Some((key, value))) if key == "syntax" => found.syntax = Some(value),
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
    fn a_line_is_a_directive_or_not() {
        check("# escape=`", Some(("escape", "`")));
        check("#EsCaPe  =  ` \t\r", Some(("escape", "`")));
        check("#\tsyntax = docker/dockerfile:1 extra", Some(("syntax", "docker/dockerfile:1 extra")));
        check("# check=skip=all", Some(("check", "skip=all")));
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
    fn syntax_and_check_are_looked_up_at_the_top() {
        check_lookup("# syntax=a\n# check=b\nFROM x", Some("a"), Some("b"));
        check_lookup("#!/bin/sh\n# syntax=a\n", Some("a"), None);
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
        let fault = reader.read("# escape=`").expect_err("given twice");
        assert_eq!(fault.message, "only one escape parser directive can be used");
    }

    #[test]
    fn escape_is_one_of_two() {
        assert_eq!(escape("`"), Ok('`'));
        assert_eq!(escape("\\"), Ok('\\'));
        assert!(escape("x").is_err());
    }
}
