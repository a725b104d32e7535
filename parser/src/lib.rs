//! Dockerfile text to typed instructions with spans.
//!
//! ```text
//! text --lines--> logical lines, heredocs, directives --words--> words, flags, JSON --instruction--> [`ast`]
//! ```
//!
//! Opens no file, reads no environment, never panics, whatever the text. What is unknown here is an
//! error with a [`ast::Span`], never ignored.
//!
//! Source: reference of the Dockerfile language; BuildKit's `frontend/dockerfile/parser`,
//! `instructions` and `shell` where it is silent.

pub mod ast;
pub mod error;
pub mod expand;

pub use error::ParseError;

/// Parses a whole file.
pub fn parse(_text: &[u8]) -> Result<ast::Dockerfile, ParseError> {
    unimplemented!()
}

/// Parses one ONBUILD trigger as an image config holds it; its span is line 1.
pub fn parse_trigger(_text: &str, _escape: char) -> Result<ast::Instruction, ParseError> {
    unimplemented!()
}
