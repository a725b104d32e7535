//! Ignore files, glob patterns, and names of secret files.
//!
//! ```text
//! ignore_file      .dockerignore: lines, and the patterns in them
//! ignore_patterns  an ordered list of patterns with exceptions and `**`, and the paths that it matches
//! pattern_form     the form of one pattern: a literal, a prefix, or a regular expression
//! automaton        the regular expressions behind patterns, matched in linear time
//! glob             wildcards within one path element: Go's filepath.Match
//! path             Go's path.Clean
//! secret_names     files that hold secrets, recognized by name
//! ```
//!
//! The crate opens no file, and knows no build and no store.

mod automaton;
pub mod glob;
mod ignore_file;
mod ignore_patterns;
mod path;
mod pattern_form;
pub mod secret_names;

pub use ignore_file::{IgnoreError, IgnoreFile, Line, LineTooLong, parse_lines};
pub use ignore_patterns::{Decision, Matched, PatternError, Patterns};
pub use path::clean;
