//! What else is wrong with a text, besides the error that ended its parsing.
//!
//! The parser stops at the first error, which is BuildKit's. This reads the text once more, past every error behind
//! which the next instruction can be told for sure. A fault that another one explains is not told:
//!
//! ```text
//! unknown words below an unknown word    most likely the rest of a line that was meant to go on
//! the body of an unknown instruction     what stands in a heredoc is no instruction
//! a missing stage                        said once, and not where a FROM before it is wrong
//! anything behind an open heredoc        it holds the rest of the file
//! ```

use crate::{
    error::ParseError,
    file::{before_any_stage, with_heredocs},
    heredoc, instruction,
    keyword::Keyword,
    limits::Limits,
    lines::Lines,
    syntax::Node,
};

/// As many errors as are told; nobody reads more.
pub const MOST_ERRORS: usize = 20;

/// The errors of a text besides its first one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Further {
    /// In the order of their lines; with the first one no more than [`MOST_ERRORS`].
    pub errors: Vec<ParseError>,
    /// How many more there are.
    pub left_out: usize,
}

/// The errors of `text` besides `first`, with which its parsing ended.
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
    let left_out = errors.len().saturating_sub(MOST_ERRORS - 1);
    errors.truncate(MOST_ERRORS - 1);
    Further { errors, left_out }
}

/// The first pass: the instructions that can be read, and the errors of the others.
fn read(text: &[u8], limits: Limits, errors: &mut Vec<ParseError>) -> Vec<Node> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = Reader { lines: Lines::new(text, '\\', limits), heredocs_end: true };
    let mut nodes = Vec::new();
    while nodes.len() < limits.instructions {
        match reader.next(errors) {
            Ok(Some(node)) => nodes.extend(node),
            Ok(None) => break,
            Err(end) => {
                errors.push(end);
                break;
            }
        }
    }
    nodes
}

struct Reader<'a> {
    lines: Lines<'a>,
    /// The heredocs of all unknown instructions so far do. Looking for an end that is not there reads the whole
    /// file, which is done once.
    heredocs_end: bool,
}

impl Reader<'_> {
    /// The next instruction: `Some(None)` if it is wrong, `None` at the end. An error is the last there can be.
    fn next(&mut self, errors: &mut Vec<ParseError>) -> Result<Option<Option<Node>>, ParseError> {
        let Some(line) = self.lines.logical()? else { return Ok(None) };
        let node = match Node::read(&line.text, self.lines.escape()) {
            Ok(node) => with_heredocs(Node { span: line.span, ..node }, &mut self.lines)?,
            Err(fault) => {
                errors.push(fault.at(line.span));
                return Ok(Some(None));
            }
        };
        if Keyword::read(&node.keyword).is_none() && self.heredocs_end {
            self.skip_heredocs(&node);
        }
        Ok(Some(Some(node)))
    }

    /// Skips what an unknown instruction has for heredocs, if these end.
    fn skip_heredocs(&mut self, node: &Node) {
        let mut ahead = self.lines.clone();
        let mut markers = heredoc::markers(&node.text).unwrap_or_default().into_iter();
        self.heredocs_end = markers.all(|marker| ahead.heredoc(marker, node.span).is_ok());
        if self.heredocs_end {
            self.lines = ahead;
        }
    }
}

/// The second pass.
fn check(nodes: Vec<Node>, errors: &mut Vec<ParseError>) {
    let mut checker = Checker::default();
    errors.extend(nodes.into_iter().filter_map(|node| checker.error(node)));
}

#[derive(Default)]
struct Checker {
    /// A FROM was there, or something that may have been meant for one, or it is told that there is none.
    has_stage: bool,
    /// The last line of the unknown instruction that was met last.
    unknown_ended: Option<u32>,
}

impl Checker {
    /// What is wrong with the next instruction, and worth telling.
    fn error(&mut self, node: Node) -> Option<ParseError> {
        let span = node.span;
        let Some(keyword) = Keyword::read(&node.keyword) else { return self.unknown(&node) };
        let is_base = matches!(keyword, Keyword::From | Keyword::Arg);
        let error = match instruction::check(node) {
            Err(error) => Some(error),
            Ok(_) if self.has_stage || is_base => None,
            Ok(_) => Some(before_any_stage().at(span)),
        };
        self.has_stage |= keyword != Keyword::Arg;
        error
    }

    fn unknown(&mut self, node: &Node) -> Option<ParseError> {
        self.has_stage = true;
        let before = self.unknown_ended.replace(node.span.end_line);
        let goes_on = before.is_some_and(|line| line + 1 == node.span.start_line);
        let is_typo = Keyword::suggest(&node.keyword).is_some();
        (!goes_on || is_typo).then(|| instruction::unknown(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of all errors, that of the first one first.
    #[track_caller]
    fn check(text: &str, expected: &[u32]) {
        let first = crate::parse(text.as_bytes()).expect_err("this text is wrong");
        let further = further_errors(text.as_bytes(), &first);
        let lines: Vec<u32> =
            [first].iter().chain(&further.errors).map(|error| error.span.start_line).collect();
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn one_wrong_instruction_does_not_hide_the_next() {
        check("FROM a\nRUM x\nCOPY --foo a b\nRUN y\nUSER\n", &[2, 3, 5]);
        check("FROM a AS 1\nRUM x\n", &[1, 2]);
        check("FROM a\nADD <<E\nb\nE\nCOPY x\n", &[2, 5]);
    }

    #[test]
    fn the_first_pass_comes_first_and_the_rest_in_order() {
        check("FROM a\nRUM x\nENV y\nRUM z\nLABEL a=b c\n", &[3, 2, 4, 5]);
    }

    #[test]
    fn what_another_fault_explains_is_not_told() {
        check("RUN a\nRUN b\nFROM c\n", &[1]);
        check("FORM a\nRUN b\nWORKDIR\n", &[1, 3]);
        check("FROM a b\nRUN c\n", &[1]);
        check("FROM a\nRUN b \\\n  c\n  -d e\n  f\nRUN g\n  h\n", &[4, 7]);
        check("FROM a\nRUM x\nCOPPY y z\n", &[2, 3]);
        check("FROM a\nRUM <<E\nx y\nUSER\nE\nUSER\n", &[2, 6]);
        check("FROM a\nRUM x\nRUN <<E\nUSER\nRUM y\n", &[3, 2]);
    }

    #[test]
    fn nobody_is_told_more_than_they_read() {
        let text = format!("FROM a\n{}", "USER\n".repeat(100));
        let first = crate::parse(text.as_bytes()).expect_err("this text is wrong");
        let further = further_errors(text.as_bytes(), &first);
        assert_eq!((further.errors.len(), further.left_out), (MOST_ERRORS - 1, 100 - MOST_ERRORS));
    }

    #[test]
    fn what_ends_the_reading_is_one_error() {
        check("# escape=x\nRUM x\n", &[1]);
        check(&format!("FROM a\nUSER\nRUN {}\nUSER\n", "x".repeat(70_000)), &[3, 2]);
        check("", &[1]);
    }
}
