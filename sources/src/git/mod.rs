//! A commit of a git repository as a layer of the store.
//!
//! ```text
//! fetch       a commit into a layer, or the layer that an earlier build made of it
//! request     the commit that is asked for, and the answer
//! address     which servers can be asked, and how
//! command     the git program, sealed
//! mirror      the objects of a repository that are kept between builds
//! refs        names of a server -> commits
//! tree        the files of a commit;  attributes: files that differ in a checkout (line ends, encodings, idents)
//! submodules  repositories inside a repository;  keep: `.git` beside the files
//! commit      the time of a commit
//! checkout    which commit a local directory is a checkout of
//! ```
//!
//! The layer is recorded under repository, login, commit, directory and whether `.git` is kept. A build that names a commit
//! by its full hash asks no server once it has been built. Times are the commit's.
//!
//! Everything in a repository is hostile: `command` keeps it from running anything, `address` limits where it can lead, and
//! `tree` checks its names. A directory of it is found by real directories, never through a symlink.

mod address;
mod attributes;
pub mod checkout;
mod command;
mod commit;
mod error;
mod fetch;
mod keep;
mod mirror;
mod refs;
mod request;
mod submodules;
#[cfg(test)]
mod tests;
mod tree;

pub use error::GitError;
pub use fetch::fetch;
pub use request::{FetchedCommit, GitContext, GitRequest};
