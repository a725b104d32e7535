//! Ignore files, glob patterns, and names of secret files.
//!
//! ```text
//! glob         wildcards within one path element: Go's filepath.Match
//! automaton    the regular expressions behind patterns, matched in linear time
//! list         an ordered list of patterns with exceptions: moby/patternmatcher;  form: one of them
//! ignore_file  .dockerignore: lines, and the patterns in them
//! path         Go's path.Clean
//! secret_names files that hold secrets, recognized by name
//! ```
//!
//! The crate opens no file, and knows no build and no store.

mod automaton;
mod form;
pub mod glob;
mod ignore_file;
mod list;
mod path;
pub mod secret_names;

pub use ignore_file::{IgnoreError, IgnoreFile, Line, LineTooLong, parse_lines};
pub use list::{Decision, Matched, PatternError, Patterns};
pub use path::clean;
