//! Build contexts: local directories to copy from.
//!
//! ```text
//! ignore_file  which ignore file belongs to a build, and its lines
//! in_root      reads a file, with a directory as the root of its symlinks
//! beneath      opens files below a directory, never through a symlink
//! folder/      a directory as a `Tree`: stats, digests, without what is ignored
//! survey/      what is in a directory, what is left out and why, for people
//! ```
//!
//! Invariant: nothing outside a context is ever read, whatever symlinks it holds and whoever changes it meanwhile.

mod beneath;
mod folder;
mod ignore_file;
mod in_root;
pub mod survey;

pub use folder::ContextTree;
pub use ignore_file::find_ignore;
pub use in_root::read_in_root;
