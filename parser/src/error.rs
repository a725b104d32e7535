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
