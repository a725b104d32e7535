//! Errors of fetching a commit.

use std::io;
use std::path::PathBuf;

use crate::RemoteError;

/// A commit that cannot be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The git program cannot be run.
    #[error("cannot run git: is it installed?")]
    Start {
        /// Error of the operating system.
        source: io::Error,
    },
    /// The git program failed.
    #[error("failed to {action}: {reason}")]
    Failed {
        /// Verb phrase that says what git was asked to do.
        action: String,
        /// Last message of git, in one line.
        reason: String,
    },
    /// The URL is not one that a build can ask for.
    #[error("git URL {url:?} is refused: {reason}")]
    Url {
        /// The URL, without user and password.
        url: String,
        /// Rule that the URL breaks.
        reason: String,
    },
    /// The server has no such branch, tag or commit.
    #[error("repository does not contain ref {reference} ({url})")]
    NoRef {
        /// URL of the repository, without user and password.
        url: String,
        /// Name that was asked for.
        reference: String,
    },
    /// The commit is not the one that `--checksum` gives.
    #[error("expected checksum to match {expected}, got {found}")]
    Checksum {
        /// Hash that `--checksum` gives, or its beginning.
        expected: String,
        /// Full hash of the commit.
        found: String,
    },
    /// The commit has no such directory.
    #[error("subdir {subdir:?} is not a directory of the repository")]
    Subdir {
        /// Directory as the user wrote it.
        subdir: String,
    },
    /// The objects of the commit are damaged or hostile.
    #[error("bad commit: {reason}")]
    Tree {
        /// Flaw of the commit, which "it" stands for.
        reason: String,
    },
    /// A submodule cannot be fetched.
    #[error("submodule {}", path.display())]
    Submodule {
        /// Path of the submodule in the repository.
        path: PathBuf,
        /// Error of the submodule's repository.
        source: Box<RemoteError>,
    },
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// A file of the store cannot be read or written.
    #[error("cannot keep the files of a commit")]
    Io {
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Turns an error of the operating system into [`GitError::Io`].
pub(super) fn io_error(source: io::Error) -> GitError {
    GitError::Io { source }
}
