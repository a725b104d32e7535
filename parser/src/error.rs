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
    /// The word that is to blame, as it is written on these lines, where one alone is.
    pub culprit: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What is wrong, before it is known where.
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

    /// Says which word is to blame.
    pub(crate) fn blaming(mut self, word: impl Into<String>) -> Self {
        self.culprit = Some(word.into());
        self
    }

    /// Says what to do, unless there is something better to say.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Adds "did you mean", if there is something to mean.
    pub(crate) fn or_rather(mut self, meant: Option<impl std::fmt::Display>) -> Self {
        self.hint = meant.map(|word| format!("did you mean {word}?"));
        self
    }

    pub(crate) fn at(self, span: Span) -> ParseError {
        ParseError { span, message: self.message, culprit: self.culprit, hint: self.hint }
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}
