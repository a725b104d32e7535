//! Physical lines to logical lines.
//!
//! ```text
//! bytes --physical--> lines without their ends --logical--> instruction lines, comments attached
//!                  \--heredoc bodies, raw
//! ```
//!
//! A byte order mark is dropped, line ends are LF or CRLF, bytes that are no UTF-8 become U+FFFD.
//! A comment line vanishes wherever it stands, also between continuation lines; a blank line there
//! is skipped, too, but remembered. Leading blanks go from the first line of an instruction only.
//!
//! Knows nothing of instructions.

use crate::{
    ast::{Heredoc, Span},
    directive::{self, DirectiveReader},
    error::{Fault, ParseError},
    heredoc::Marker,
    limits::Limits,
};

/// One instruction's line, continuation lines joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogicalLine {
    pub(crate) text: String,
    pub(crate) span: Span,
    /// The comment lines above it.
    pub(crate) comments: Vec<String>,
    /// A blank line stands between its continuation lines.
    pub(crate) has_blank_line: bool,
}

/// Reads a file from its first line to its last.
#[derive(Clone)]
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    /// The number of the line last read; 0 before the first.
    number: u32,
    escape: char,
    directives: DirectiveReader,
    comments: Vec<String>,
    limits: Limits,
    heredocs_bytes: usize,
}

impl<'a> Lines<'a> {
    /// Starts at the first line of `text`, which has no byte order mark.
    pub(crate) fn new(text: &'a [u8], escape: char, limits: Limits) -> Self {
        let directives = DirectiveReader::default();
        Self { rest: text, number: 0, escape, directives, comments: Vec::new(), limits, heredocs_bytes: 0 }
    }

    /// Starts below the directives: the first line may be a comment like any other.
    pub(crate) fn below_directives(text: &'a [u8], escape: char, limits: Limits) -> Self {
        Self { directives: DirectiveReader::ended(), ..Self::new(text, escape, limits) }
    }

    /// The escape character in force.
    pub(crate) fn escape(&self) -> char {
        self.escape
    }

    /// The line last read.
    pub(crate) fn here(&self) -> Span {
        let line = self.number.max(1);
        Span { start_line: line, end_line: line }
    }

    /// Returns the next instruction's line, or `None` at the end of the file.
    pub(crate) fn logical(&mut self) -> Result<Option<LogicalLine>, ParseError> {
        while let Some(raw) = self.physical()? {
            let line = trim_line_end(raw);
            let text = line.trim_start();
            if text.starts_with('#') {
                self.comment(raw);
                self.directive(text)?;
                continue;
            }
            self.directive(text)?;
            if !text.is_empty() {
                return self.continued(text).map(Some);
            }
        }
        Ok(None)
    }

    /// Joins `first` and the lines that continue it.
    fn continued(&mut self, first: &str) -> Result<LogicalLine, ParseError> {
        let start_line = self.number;
        let mut line = LogicalLine { comments: std::mem::take(&mut self.comments), ..Default::default() };
        let mut open = append(&mut line.text, first, self.escape);
        while open {
            let Some(raw) = self.physical()? else { break };
            let next = trim_line_end(raw);
            match next.trim_start().chars().next() {
                Some('#') => {}
                None => line.has_blank_line = true,
                Some(_) => open = append(&mut line.text, &next, self.escape),
            }
        }
        line.span = Span { start_line, end_line: self.number };
        Ok(line)
    }

    /// Reads the body of a heredoc up to its terminator.
    ///
    /// `span` is the instruction's; an error is about it and all that was read.
    pub(crate) fn heredoc(&mut self, marker: Marker, span: Span) -> Result<Heredoc, ParseError> {
        let mut content = Vec::new();
        while let Some(raw) = self.physical()? {
            if ends_heredoc(raw, &marker) {
                let content = String::from_utf8_lossy(&content).into_owned();
                return Ok(marker.with_content(content));
            }
            content.extend_from_slice(raw);
            self.heredocs_bytes += raw.len();
            self.check_heredoc(content.len()).map_err(|fault| fault.at(span))?;
        }
        let span = Span { end_line: self.number, ..span };
        let hint = match marker.chomp {
            true => format!("a line that is exactly {}, but for tabs before it, must end it", marker.name),
            false => format!("a line that is exactly {}, without blanks around it, must end it", marker.name),
        };
        Err(Fault::new("unterminated heredoc").blaming("<<").hint(hint).at(span))
    }

    fn check_heredoc(&self, size_bytes: usize) -> Result<(), Fault> {
        let Limits { heredoc_bytes, heredocs_bytes, .. } = self.limits;
        if size_bytes > heredoc_bytes {
            return Err(Fault::new(format!("heredoc greater than max allowed size of {heredoc_bytes}")));
        }
        if self.heredocs_bytes > heredocs_bytes {
            return Err(Fault::new(format!("heredocs greater than max allowed total of {heredocs_bytes}")));
        }
        Ok(())
    }

    /// Returns the next line with its end, or `None` at the end of the file.
    fn physical(&mut self) -> Result<Option<&'a [u8]>, ParseError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let length = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at(length);
        let size_bytes = line.strip_suffix(b"\n").unwrap_or(line).len();
        if size_bytes > self.limits.line_bytes {
            let message =
                format!("dockerfile line greater than max allowed size of {}", self.limits.line_bytes);
            return Err(Fault::new(message).at(self.here()));
        }
        self.rest = rest;
        Ok(Some(line))
    }

    /// Keeps a comment for the instruction below it; an empty one clears those above.
    fn comment(&mut self, raw: &[u8]) {
        // BuildKit drops the first byte even where blanks stand before the "#".
        let comment = String::from_utf8_lossy(raw.get(1..).unwrap_or_default());
        match comment.trim() {
            "" => self.comments.clear(),
            comment => self.comments.push(comment.to_string()),
        }
    }

    /// A directive is no comment of the instruction below it.
    fn directive(&mut self, text: &str) -> Result<(), ParseError> {
        let here = self.here();
        let Some((key, value)) = self.directives.read(text).map_err(|fault| fault.at(here))? else {
            return Ok(());
        };
        self.comments.pop();
        if key == "escape" {
            self.escape = directive::escape(&value).map_err(|fault| fault.at(here))?;
        }
        Ok(())
    }
}

fn trim_line_end(raw: &[u8]) -> std::borrow::Cow<'_, str> {
    let end = raw.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    String::from_utf8_lossy(&raw[..end])
}

fn ends_heredoc(raw: &[u8], marker: &Marker) -> bool {
    let line = trim_line_end(raw);
    let line = if marker.chomp { line.trim_start_matches('\t') } else { &line };
    line == marker.name
}

/// Appends `line` without its continuation character; true if it had one.
fn append(text: &mut String, line: &str, escape: char) -> bool {
    let continued = without_continuation(line, escape);
    text.push_str(continued.unwrap_or(line));
    continued.is_some()
}

/// The escape character continues a line if only blanks follow and no other one stands before it.
pub(crate) fn without_continuation(line: &str, escape: char) -> Option<&str> {
    line.trim_end_matches([' ', '\t']).strip_suffix(escape).filter(|before| !before.ends_with(escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<LogicalLine>, ParseError> {
        let mut lines = Lines::new(text.as_bytes(), '\\', Limits::DEFAULT);
        let mut all = Vec::new();
        while let Some(line) = lines.logical()? {
            all.push(line);
        }
        Ok(all)
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, u32, u32)]) {
        let lines = read(text).expect("these lines are well formed");
        let got: Vec<_> =
            lines.iter().map(|line| (line.text.as_str(), line.span.start_line, line.span.end_line)).collect();
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn lines_are_joined() {
        check("a\nb", &[("a", 1, 1), ("b", 2, 2)]);
        check("a \\\n b\n", &[("a  b", 1, 2)]);
        check("a \\  \t\n\\\nb", &[("a b", 1, 3)]);
        check("a\\\\\nb", &[("a\\\\", 1, 1), ("b", 2, 2)]);
        check("\\\na", &[("a", 1, 2)]);
        check("a \\", &[("a ", 1, 1)]);
        check("a \\\r\n b\r\n", &[("a  b", 1, 2)]);
        check("  a", &[("a", 1, 1)]);
        check("\u{a0}a", &[("a", 1, 1)]);
    }

    #[test]
    fn comments_and_blank_lines_vanish() {
        check("# c\n\na\n", &[("a", 3, 3)]);
        check("a \\\n # c \\\n b\nc", &[("a  b", 1, 3), ("c", 4, 4)]);
        check("a \\\n\n  \n b\n", &[("a  b", 1, 4)]);
        check("a # no comment", &[("a # no comment", 1, 1)]);
        check("", &[]);
        check("\n \n# c", &[]);
    }

    #[test]
    fn the_escape_directive_counts() {
        check("# escape=`\na `\nb", &[("a b", 2, 3)]);
        check("# escape=`\na \\\nb", &[("a \\", 2, 2), ("b", 3, 3)]);
        check("# note\n# escape=`\na \\\nb", &[("a b", 3, 4)]);
        check("\n# escape=`\na \\\nb", &[("a b", 3, 4)]);
        let error = read("# escape=`\n# escape=x\na").expect_err("given twice");
        assert_eq!(error.span.start_line, 2);
    }

    #[test]
    fn comments_are_attached_to_what_is_below() {
        let lines = read("# escape=\\\n# one\n\n# two\na\n# gone\n#\n# three\nb").expect("well formed");
        assert_eq!(lines[0].comments, ["one", "two"]);
        assert_eq!(lines[1].comments, ["three"]);
    }

    #[test]
    fn blank_lines_in_a_continuation_are_remembered() {
        let lines = read("a \\\n\nb\nc").expect("well formed");
        assert!(lines[0].has_blank_line && !lines[1].has_blank_line);
    }

    #[test]
    fn a_long_line_is_refused_at_its_limit() {
        let line = "x".repeat(65_535);
        check(&format!("{line}\ny"), &[(&line, 1, 1), ("y", 2, 2)]);
        let error = read(&format!("a\n{line}x\n")).expect_err("one byte too many");
        assert_eq!(error.message, "dockerfile line greater than max allowed size of 65535");
        assert_eq!(error.span.start_line, 2);
    }
}
