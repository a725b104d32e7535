//! Build contexts: folders of this machine to copy from.
//!
//! ```text
//! pattern    Go's filepath.Match: wildcards
//! ignore     .dockerignore, --exclude, --parents: moby/patternmatcher
//! automaton  the regular expressions behind those, in linear time
//! beneath    opening files below a directory, never through a link
//! folder     a folder as a `Tree`: stats, digests, what is ignored is not there
//! survey/    what is in a folder, what is left out and why, for people
//! secrets    files that hold secrets, by name
//! ```
//!
//! Invariant: nothing outside of a context is ever read, whatever links it holds and whoever changes it meanwhile.

mod automaton;
mod beneath;
mod find;
mod folder;
pub mod ignore;
pub mod pattern;
pub mod secrets;
pub mod survey;

pub use find::{IgnoreError, IgnoreFile, find_ignore};
pub use folder::ContextTree;
pub use ignore::Patterns as Ignore;
