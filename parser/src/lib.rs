//! Parser for Dockerfiles: text to typed instructions with the lines they span.
//!
//! ```text
//! text --lines--> logical lines, heredocs, directives --syntax--> words, flags, JSON --instruction--> `ast`
//! ```
//!
//! The parser opens no file, reads no environment variable and never panics, whatever the text. Time and memory are
//! linear in the text. Unknown instructions, flags and keys are errors with an [`ast::Span`] and are never ignored.
//!
//! Beyond parsing: [`expand`] expands variables in words, [`format`](mod@format) formats a file, [`diagnose`] finds
//! further errors in a file with an error, [`json`] prints a parsed file.
//!
//! Source: reference of the Dockerfile language; where it is silent, BuildKit's `frontend/dockerfile/parser`,
//! `instructions` and `shell`.

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
pub use file::{parse, parse_partially, parse_trigger, parse_with};
pub use limits::Limits;
pub use suggest::suggest;
