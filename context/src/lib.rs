//! Build contexts: folders of this machine to copy from.
//!
//! ```text
//! find       the ignore file of a build
//! beneath    opening files below a directory, never through a link
//! folder     a folder as a `Tree`: stats, digests, what is ignored is not there
//! survey/    what is in a folder, what is left out and why, for people
//! ```
//!
//! Invariant: nothing outside of a context is ever read, whatever links it holds and whoever changes it meanwhile.

mod beneath;
mod find;
mod folder;
pub mod survey;

pub use find::{find_ignore, read_in_root};
pub use folder::ContextTree;
