//! Files from elsewhere: by HTTP, from git repositories.
//!
//! ```text
//! http   one file by HTTP(S), kept in the store and asked for again by its ETag
//! file   a blob of the store as a tree of one file
//! url    who is asked, and what may be said of it;  login: the secrets for it
//! git/   a commit of a repository as a layer of the store
//! fetcher  these with a build's logins and progress;  context: build contexts that are no folder
//! ```
//!
//! What was fetched is kept by what it is (blob, layer), and beside it what was asked for. What was fetched with a login
//! is found again with the same login only.
//!
//! But for `fetcher` and `context`, it knows nothing of builds; and nothing of steps and their keys.

pub mod context;
pub mod fetcher;
pub mod file;
pub mod git;
pub mod http;
pub mod login;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use oci::Digest;
use registry::web::WebError;

/// Something from elsewhere that cannot be had. URLs in it are without user and password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// A server did not give the file.
    #[error("failed to load {url}")]
    Web {
        /// What was asked for.
        url: String,
        /// Why not.
        source: WebError,
    },
    /// The file came, but not all of it.
    #[error("failed to load {url}: the connection broke off")]
    Broken {
        /// What was asked for.
        url: String,
        /// How.
        source: io::Error,
    },
    /// The file is larger than any that is taken.
    #[error("failed to load {url}: it has more than {limit_bytes} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// What is taken.
        limit_bytes: u64,
    },
    /// `--checksum` says something else.
    #[error("digest mismatch for {url}: {found} (expected: {expected})")]
    Mismatch {
        /// What was asked for.
        url: String,
        /// What came.
        found: Digest,
        /// What was to come.
        expected: Digest,
    },
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// A repository.
    #[error(transparent)]
    Git(#[from] git::GitError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
    /// The layer store refused.
    #[error(transparent)]
    Rootfs(#[from] rootfs::RootfsError),
    /// The file system refused. `action` is a verb phrase.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The secrets that may be logins, by id.
pub type Secrets = BTreeMap<String, Vec<u8>>;
