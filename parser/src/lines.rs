//! Physical lines to logical lines: comments are removed, continuation lines joined, heredoc bodies read.
//!
//! ```text
//! bytes --physical--> lines --logical--> logical lines, each with the comments above it
//!                  \--heredoc--> bodies of heredocs, as they are
//! ```
//!
//! Lines end in LF or CRLF, and bytes that are not UTF-8 become U+FFFD. Comments are removed even between continuation
//! lines. Blank lines there are removed as well, but noted. Leading blanks are removed from the first line of an
//! instruction only.
//!
//! The module knows no instructions.

use crate::{
    ast::{Heredoc, Span},
    directive::{self, DirectiveReader},
    error::{Fault, ParseError},
    heredoc::Marker,
    limits::Limits,
};

/// The line of an instruction, with its continuation lines joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogicalLine {
    pub(crate) text: String,
    pub(crate) span: Span,
    /// Comment lines above, without `#` and the blanks around the text.
    pub(crate) comments: Vec<String>,
    /// Whether there is a blank line between the continuation lines.
    pub(crate) has_blank_line: bool,
}

/// Reads the lines of a file in order.
#[derive(Clone)]
pub(crate) struct LineReader<'a> {
    rest: &'a [u8],
    /// Number of the last line read; 0 before the first.
    number: u32,
    escape: char,
    directives: DirectiveReader,
    /// Comment lines that the next instruction will get.
    comments: Vec<String>,
    limits: Limits,
    /// Total size of the heredoc bodies so far.
    heredocs_bytes: usize,
}

impl<'a> LineReader<'a> {
    /// Starts at the first line of `text`, which must not have a byte order mark.
    pub(crate) fn new(text: &'a [u8], escape: char, limits: Limits) -> Self {
        let directives = DirectiveReader::default();
        Self { rest: text, number: 0, escape, directives, comments: Vec::new(), limits, heredocs_bytes: 0 }
    }

    /// Starts below the directives of a file, so that no comment is a directive.
    pub(crate) fn below_directives(text: &'a [u8], escape: char, limits: Limits) -> Self {
        Self { directives: DirectiveReader::ended(), ..Self::new(text, escape, limits) }
    }

    /// Returns the current escape character, which the `escape` directive can change.
    pub(crate) fn escape(&self) -> char {
        self.escape
    }

    /// Returns the span of the last line read.
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

    /// Joins the line `first` and its continuation lines.
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

    /// Reads the body of a heredoc and its terminator.
    ///
    /// `span` is that of the instruction so far, for errors.
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
        Err(unterminated(&marker).at(Span { end_line: self.number, ..span }))
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

    /// Keeps a comment for the instruction below it. An empty comment discards the comments above it.
    fn comment(&mut self, raw: &[u8]) {
        // Like BuildKit, this drops the first byte even if there are blanks before the "#".
        let comment = String::from_utf8_lossy(raw.get(1..).unwrap_or_default());
        match comment.trim() {
            "" => self.comments.clear(),
            comment => self.comments.push(comment.to_string()),
        }
    }

    /// Evaluates a line that can be a directive. A directive is not a comment of the instruction below it.
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

fn unterminated(marker: &Marker) -> Fault {
    let name = &marker.name;
    let hint = if marker.chomp {
        format!("a line that is exactly {name}, but for tabs before it, must end it")
    } else {
        format!("a line that is exactly {name}, without blanks around it, must end it")
    };
    Fault::new("unterminated heredoc").blaming("<<").hint(hint)
}

/// Appends `line` without its continuation character and reports whether it had one.
fn append(text: &mut String, line: &str, escape: char) -> bool {
    let continued = without_continuation(line, escape);
    text.push_str(continued.unwrap_or(line));
    continued.is_some()
}

/// Returns `line` without its continuation character, or `None` if the line is not continued.
///
/// The escape character continues a line if only blanks follow and no other escape character precedes it.
pub(crate) fn without_continuation(line: &str, escape: char) -> Option<&str> {
    line.trim_end_matches([' ', '\t']).strip_suffix(escape).filter(|before| !before.ends_with(escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<LogicalLine>, ParseError> {
        let mut lines = LineReader::new(text.as_bytes(), '\\', Limits::DEFAULT);
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
    fn continuation_lines_are_joined() {
        check("a\nb", &[("a", 1, 1), ("b", 2, 2)]);
        check("a \\\n b\n", &[("a  b", 1, 2)]);
        check("a \\  \t\n\\\nb", &[("a b", 1, 3)]);
        check("\\\na", &[("a", 1, 2)]);
        check("a \\", &[("a ", 1, 1)]);
        check("a \\\r\n b\r\n", &[("a  b", 1, 2)]);
    }

    #[test]
    fn two_escape_characters_do_not_continue_a_line() {
        check("a\\\\\nb", &[("a\\\\", 1, 1), ("b", 2, 2)]);
    }

    #[test]
    fn leading_blanks_are_removed() {
        check("  a", &[("a", 1, 1)]);
        check("\u{a0}a", &[("a", 1, 1)]);
    }

    #[test]
    fn comments_and_blank_lines_are_removed() {
        check("# c\n\na\n", &[("a", 3, 3)]);
        check("a \\\n # c \\\n b\nc", &[("a  b", 1, 3), ("c", 4, 4)]);
        check("a \\\n\n  \n b\n", &[("a  b", 1, 4)]);
        check("", &[]);
        check("\n \n# c", &[]);
    }

    #[test]
    fn a_hash_after_other_text_starts_no_comment() {
        check("a # no comment", &[("a # no comment", 1, 1)]);
    }

    #[test]
    fn the_escape_directive_sets_the_continuation_character() {
        check("# escape=`\na `\nb", &[("a b", 2, 3)]);
        check("# escape=`\na \\\nb", &[("a \\", 2, 2), ("b", 3, 3)]);
    }

    #[test]
    fn an_escape_directive_below_other_lines_is_ignored() {
        check("# note\n# escape=`\na \\\nb", &[("a b", 3, 4)]);
        check("\n# escape=`\na \\\nb", &[("a b", 3, 4)]);
    }

    #[test]
    fn an_error_in_a_directive_has_its_line() {
        let error = read("# escape=`\n# escape=x\na").expect_err("repeated");
        assert_eq!(error.span.start_line, 2);
    }

    #[test]
    fn comments_belong_to_the_instruction_below() {
        let lines = read("# escape=\\\n# one\n\n# two\na").expect("well formed");
        assert_eq!(lines[0].comments, ["one", "two"]);
    }

    #[test]
    fn an_empty_comment_discards_the_comments_above() {
        let lines = read("# gone\n#\n# kept\na").expect("well formed");
        assert_eq!(lines[0].comments, ["kept"]);
    }

    #[test]
    fn blank_lines_between_continuation_lines_are_noted() {
        let lines = read("a \\\n\nb\nc").expect("well formed");
        assert!(lines[0].has_blank_line && !lines[1].has_blank_line);
    }

    #[test]
    fn a_line_of_the_maximum_length_is_read() {
        let line = "x".repeat(65_535);
        check(&format!("{line}\ny"), &[(&line, 1, 1), ("y", 2, 2)]);
    }

    #[test]
    fn a_line_beyond_the_maximum_length_is_an_error() {
        let line = "x".repeat(65_535);
        let error = read(&format!("a\n{line}x\n")).expect_err("one byte too many");
        assert_eq!(error.message, "dockerfile line greater than max allowed size of 65535");
        assert_eq!(error.span.start_line, 2);
    }
}
