//! `.dockerignore`: the lines of the file, and the patterns in them.

use std::io;
use std::path::PathBuf;

use crate::ignore_patterns::{PatternError, Patterns};
use crate::path::clean;

/// Longest line of an ignore file, the limit of Go's scanner.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// The ignore file of a context. The default stands for a context without one.
///
/// The patterns are valid: [`Patterns::new`] accepts them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreFile {
    /// Path of the file; empty if the context has none.
    pub path: PathBuf,
    /// Lines that have a pattern, in order.
    pub lines: Vec<Line>,
}

impl IgnoreFile {
    /// Parses the text of the file at `path`, and checks its patterns.
    pub fn parse(path: PathBuf, text: &[u8]) -> Result<Self, IgnoreError> {
        let lines = match parse_lines(text) {
            Ok(lines) => lines,
            Err(source) => return Err(IgnoreError::Line { path, source }),
        };
        let file = Self { path, lines };
        match Patterns::new(&file.patterns()) {
            Ok(_) => Ok(file),
            Err(source) => Err(IgnoreError::Pattern { path: file.path, source }),
        }
    }

    /// Returns the patterns, in order.
    pub fn patterns(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.pattern.clone()).collect()
    }

    /// Returns the name of the file without its directory, as in `.dockerignore`.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// An ignore file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IgnoreError {
    /// The file exists and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Path of the ignore file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// A line is too long.
    #[error("failed parsing {}: {source}", path.display())]
    Line {
        /// Path of the ignore file.
        path: PathBuf,
        /// Number of the line.
        source: LineTooLong,
    },
    /// A pattern has a syntax error.
    #[error("failed parsing {}: {source}", path.display())]
    Pattern {
        /// Path of the ignore file.
        path: PathBuf,
        /// The pattern and its error.
        source: PatternError,
    },
}

/// A line of an ignore file that has a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Number of the line, from 1.
    pub number: u32,
    /// Text of the line, without the blanks around it.
    pub written: String,
    /// Pattern of the line: the path cleaned, and relative to the root of the context.
    pub pattern: String,
}

/// Parses the lines of an ignore file, without comments and blank lines.
///
/// Source: moby/patternmatcher, `ignorefile/ignorefile.go`.
pub fn parse_lines(bytes: &[u8]) -> Result<Vec<Line>, LineTooLong> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = Vec::new();
    for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1..) {
        if line.len() >= MAX_LINE_BYTES {
            return Err(LineTooLong { line: number });
        }
        let text = String::from_utf8_lossy(line);
        let written = || text.trim().to_owned();
        lines.extend(parse_line(&text).map(|pattern| Line { number, written: written(), pattern }));
    }
    Ok(lines)
}

/// A line is longer than any that was written by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is too long")]
pub struct LineTooLong {
    /// Number of the line, from 1.
    pub line: u32,
}

fn parse_line(line: &str) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let line = line.trim();
    let (negation, rest) = line.strip_prefix('!').map_or(("", line), |rest| ("!", rest.trim()));
    if rest.is_empty() {
        return (!negation.is_empty()).then(|| negation.to_owned());
    }
    let clean = clean(rest);
    let relative = clean.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&clean);
    Some(format!("{negation}{relative}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_patterns_as_in_docker() {
        let text = "\u{feff}# comment\n\n  spaced  \r\n #not a comment\n!neg\n! neg2 \n/abs\n!/abs\n./x/../y/\n/\n.\n!\na//b\n\\#x";
        let expected =
            ["spaced", "#not a comment", "!neg", "!neg2", "abs", "!abs", "y", "/", ".", "!", "a/b", "\\#x"];
        let lines = parse_lines(text.as_bytes()).expect("short lines");
        let patterns: Vec<&str> = lines.iter().map(|line| line.pattern.as_str()).collect();
        assert_eq!(patterns, expected);
        let written: Vec<(u32, &str)> =
            lines.iter().map(|line| (line.number, line.written.as_str())).collect();
        assert_eq!(written[..3], [(3, "spaced"), (4, "#not a comment"), (5, "!neg")]);
        assert_eq!(parse_lines(&[b'a'; MAX_LINE_BYTES]), Err(LineTooLong { line: 1 }));
    }
}
