//! Why something from elsewhere cannot be fetched.

use std::io;
use std::path::PathBuf;

use archive::ArchiveError;
use oci::Digest;
use registry::web::WebError;

use crate::git::GitError;
use crate::secrets::SecretError;

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
    Git(#[from] GitError),
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

/// Fetching on behalf of a build failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// A file, a repository or a server is at fault.
    #[error(transparent)]
    Remote(RemoteError),
    /// A secret that could be a login cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A context that arrived as an archive cannot be unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The layer store refused.
    #[error(transparent)]
    Rootfs(#[from] rootfs::RootfsError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
    /// The file system refused. `action` is a verb phrase.
    #[error("cannot {action}")]
    Io {
        /// Verb phrase that says what was tried.
        action: &'static str,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl From<RemoteError> for FetchError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Canceled | RemoteError::Git(GitError::Canceled) => Self::Canceled,
            error => Self::Remote(error),
        }
    }
}
