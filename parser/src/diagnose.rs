//! Further errors in a text, beyond the one that ended its parsing.
//!
//! The parser stops at the first error, as BuildKit does. This module parses the text again and continues after each
//! error for which the start of the next instruction is certain. Errors that another error explains are not reported:
//!
//! ```text
//! unknown words below an unknown word    most likely the rest of a line that lacks its continuation character
//! the body of an unknown instruction     the lines of a heredoc are not instructions
//! a missing stage                        reported once, and not if an earlier FROM has an error
//! anything after an open heredoc         the rest of the file belongs to it
//! ```

use crate::{
    error::ParseError,
    file::{before_first_stage, with_heredocs},
    heredoc, instruction,
    keyword::Keyword,
    limits::Limits,
    lines::LineReader,
    syntax::Node,
};

/// Maximum number of errors to report for one file, including the first; nobody reads more.
pub const MAX_ERRORS: usize = 20;

/// The errors of a text other than the first one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Further {
    /// Errors in the order of their lines; together with the first one at most [`MAX_ERRORS`].
    pub errors: Vec<ParseError>,
    /// Number of errors beyond this limit.
    pub left_out: usize,
}

/// Returns the errors of `text` other than `first`, the error that [`parse`](crate::parse) returned.
pub fn further_errors(text: &[u8], first: &ParseError) -> Further {
    let limits = Limits::DEFAULT;
    if text.len() > limits.file_bytes {
        return Further::default();
    }
    let mut errors = Vec::new();
    let nodes = read(text, limits, &mut errors);
    check(nodes, &mut errors);
    errors.retain(|error| error.span != first.span);
    errors.sort_by_key(|error| error.span.start_line);
    let left_out = errors.len().saturating_sub(MAX_ERRORS - 1);
    errors.truncate(MAX_ERRORS - 1);
    Further { errors, left_out }
}

/// The first pass: returns the instructions that can be read, and collects the errors of the others.
fn read(text: &[u8], limits: Limits, errors: &mut Vec<ParseError>) -> Vec<Node> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = NodeReader { lines: LineReader::new(text, '\\', limits), heredocs_end: true };
    let mut nodes = Vec::new();
    while nodes.len() < limits.instructions {
        match reader.next(errors) {
            Ok(Some(node)) => nodes.push(node),
            Ok(None) => break,
            Err(last) => {
                errors.push(last);
                break;
            }
        }
    }
    nodes
}

/// The first pass over the lines of a text.
struct NodeReader<'a> {
    lines: LineReader<'a>,
    /// Whether the heredocs of all unknown instructions so far are terminated. Searching for a terminator that does
    /// not exist reads the whole file, so it is done only once.
    heredocs_end: bool,
}

impl NodeReader<'_> {
    /// Returns the next instruction that can be read, or `None` at the end of the text.
    ///
    /// The errors of instructions before it are added to `errors`. An error after which nothing can be read is
    /// returned.
    fn next(&mut self, errors: &mut Vec<ParseError>) -> Result<Option<Node>, ParseError> {
        while let Some(line) = self.lines.logical()? {
            match Node::read(&line.text, self.lines.escape()) {
                Ok(node) => return self.with_heredocs(Node { span: line.span, ..node }).map(Some),
                Err(fault) => errors.push(fault.at(line.span)),
            }
        }
        Ok(None)
    }

    fn with_heredocs(&mut self, node: Node) -> Result<Node, ParseError> {
        let node = with_heredocs(node, &mut self.lines)?;
        if Keyword::read(&node.keyword).is_none() && self.heredocs_end {
            self.skip_heredocs(&node);
        }
        Ok(node)
    }

    /// Skips what looks like the heredocs of an unknown instruction, if all of them are terminated.
    fn skip_heredocs(&mut self, node: &Node) {
        let mut ahead = self.lines.clone();
        let mut markers = heredoc::markers(&node.text).unwrap_or_default().into_iter();
        self.heredocs_end = markers.all(|marker| ahead.heredoc(marker, node.span).is_ok());
        if self.heredocs_end {
            self.lines = ahead;
        }
    }
}

/// The second pass: collects the errors of instructions that could be read.
fn check(nodes: Vec<Node>, errors: &mut Vec<ParseError>) {
    let mut checker = Checker::default();
    errors.extend(nodes.into_iter().filter_map(|node| checker.error(node)));
}

/// State of the second pass.
#[derive(Default)]
struct Checker {
    /// Whether there was a FROM, a word that might be a misspelled FROM, or an error about its absence.
    has_stage: bool,
    /// Last line of the latest unknown instruction.
    unknown_end_line: Option<u32>,
}

impl Checker {
    /// Returns the error of the next instruction, unless another error explains it.
    fn error(&mut self, node: Node) -> Option<ParseError> {
        let span = node.span;
        let Some(keyword) = Keyword::read(&node.keyword) else { return self.unknown(&node) };
        let is_base = matches!(keyword, Keyword::From | Keyword::Arg);
        let error = match instruction::check(node) {
            Err(error) => Some(error),
            Ok(_) if self.has_stage || is_base => None,
            Ok(_) => Some(before_first_stage().at(span)),
        };
        self.has_stage |= keyword != Keyword::Arg;
        error
    }

    fn unknown(&mut self, node: &Node) -> Option<ParseError> {
        self.has_stage = true;
        let previous_end_line = self.unknown_end_line.replace(node.span.end_line);
        let follows_unknown = previous_end_line.is_some_and(|line| line + 1 == node.span.start_line);
        let is_misspelled = Keyword::suggest(&node.keyword).is_some();
        (!follows_unknown || is_misspelled).then(|| instruction::unknown(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the lines of all errors in `text`, beginning with the error that the parser returns.
    #[track_caller]
    fn check(text: &str, expected: &[u32]) {
        let first = crate::parse(text.as_bytes()).expect_err("the text has errors");
        let further = further_errors(text.as_bytes(), &first);
        let lines: Vec<u32> =
            [first].iter().chain(&further.errors).map(|error| error.span.start_line).collect();
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn an_error_does_not_hide_errors_of_later_instructions() {
        check("FROM a\nRUM x\nCOPY --foo a b\nRUN y\nUSER\n", &[2, 3, 5]);
        check("FROM a AS 1\nRUM x\n", &[1, 2]);
        check("FROM a\nADD <<E\nb\nE\nCOPY x\n", &[2, 5]);
    }

    #[test]
    fn further_errors_are_in_the_order_of_their_lines() {
        check("FROM a\nRUM x\nENV y\nRUM z\nLABEL a=b c\n", &[3, 2, 4, 5]);
    }

    #[test]
    fn a_missing_stage_is_reported_once() {
        check("RUN a\nRUN b\nFROM c\n", &[1]);
    }

    #[test]
    fn a_faulty_from_counts_as_a_stage() {
        check("FORM a\nRUN b\nWORKDIR\n", &[1, 3]);
        check("FROM a b\nRUN c\n", &[1]);
    }

    #[test]
    fn only_the_first_of_several_unknown_lines_is_reported() {
        check("FROM a\nRUN b \\\n  c\n  -d e\n  f\nRUN g\n  h\n", &[4, 7]);
    }

    #[test]
    fn misspelled_keywords_on_consecutive_lines_are_all_reported() {
        check("FROM a\nRUM x\nCOPPY y z\n", &[2, 3]);
    }

    #[test]
    fn the_heredoc_of_an_unknown_instruction_is_skipped() {
        check("FROM a\nRUM <<E\nx y\nUSER\nE\nUSER\n", &[2, 6]);
    }

    #[test]
    fn nothing_after_an_open_heredoc_is_reported() {
        check("FROM a\nRUM x\nRUN <<E\nUSER\nRUM y\n", &[3, 2]);
    }

    #[test]
    fn errors_beyond_the_maximum_are_only_counted() {
        let text = format!("FROM a\n{}", "USER\n".repeat(100));
        let first = crate::parse(text.as_bytes()).expect_err("the text has errors");
        let further = further_errors(text.as_bytes(), &first);
        assert_eq!((further.errors.len(), further.left_out), (MAX_ERRORS - 1, 100 - MAX_ERRORS));
    }

    #[test]
    fn nothing_is_reported_twice_if_the_text_cannot_be_read_further() {
        check("# escape=x\nRUM x\n", &[1]);
        check(&format!("FROM a\nUSER\nRUN {}\nUSER\n", "x".repeat(70_000)), &[3, 2]);
        check("", &[1]);
    }
}
