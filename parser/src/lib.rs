//! Dockerfile text to typed instructions with spans.
//!
//! ```text
//! text --lines--> logical lines, heredocs, directives --syntax--> words, flags, JSON --instruction--> [`ast`]
//! ```
//!
//! Opens no file, reads no environment, never panics, whatever the text. What is unknown here is an
//! error with a [`ast::Span`], never ignored.
//!
//! Source: reference of the Dockerfile language; BuildKit's `frontend/dockerfile/parser`,
//! `instructions` and `shell` where it is silent.

pub mod ast;
mod csv;
mod device;
pub mod diagnose;
mod directive;
mod duration;
pub mod error;
mod exec_form;
pub mod expand;
mod file;
mod flags;
pub mod format;
pub mod heredoc;
mod instruction;
pub mod json;
mod keyword;
pub mod limits;
mod lines;
pub mod mount;
pub mod suggest;
mod syntax;
mod words;

pub use diagnose::further_errors;
pub use error::ParseError;
pub use file::{parse, parse_trigger, parse_with};
pub use limits::Limits;
pub use suggest::suggest;
