//! What can be wrong with a Dockerfile's text.

use crate::ast::Span;

/// A Dockerfile that is none: where, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dockerfile parse error on line {}: {message}", span.start_line)]
pub struct ParseError {
    /// The lines it is about.
    pub span: Span,
    /// BuildKit's wording where it has one.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What is wrong, before it is known where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds "did you mean", if there is something to mean.
    pub(crate) fn or_rather(mut self, meant: Option<impl std::fmt::Display>) -> Self {
        self.hint = meant.map(|word| format!("did you mean {word}?"));
        self
    }

    pub(crate) fn at(self, span: Span) -> ParseError {
        ParseError { span, message: self.message, hint: self.hint }
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}
