//! Errors in the text of a Dockerfile.

use crate::ast::Span;

/// The text is not a valid Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dockerfile parse error on line {}: {message}", span.start_line)]
pub struct ParseError {
    /// Lines that the error is about.
    pub span: Span,
    /// Description of the error, in BuildKit's words if BuildKit has the same error.
    pub message: String,
    /// Text on these lines that causes the error, if it is a single word.
    pub culprit: Option<String>,
    /// Instruction for the user, if there is one beyond the message.
    pub hint: Option<String>,
}

/// An error whose lines are not known yet; [`Fault::at`] adds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) culprit: Option<String>,
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), culprit: None, hint: None }
    }

    /// Sets the word that causes the error.
    pub(crate) fn blaming(mut self, word: impl Into<String>) -> Self {
        self.culprit = Some(word.into());
        self
    }

    /// Sets the hint, unless there is one already.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Sets the hint "did you mean ...?" if there is a suggestion.
    pub(crate) fn suggesting(mut self, suggestion: Option<impl std::fmt::Display>) -> Self {
        self.hint = suggestion.map(|word| format!("did you mean {word}?"));
        self
    }

    /// Completes the error with its lines.
    pub(crate) fn at(self, span: Span) -> ParseError {
        ParseError { span, message: self.message, culprit: self.culprit, hint: self.hint }
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}
