//! Errors of fetching files and repositories.

use std::io;
use std::path::PathBuf;

use archive::ArchiveError;
use oci::Digest;
use registry::web::WebError;

use crate::git::GitError;
use crate::secrets::SecretError;

/// A file or repository that cannot be fetched. URLs in it are without user and password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The server did not send the file.
    #[error("failed to load {url}")]
    Web {
        /// URL of the file.
        url: String,
        /// Answer of the server, or the reason why there is none.
        source: WebError,
    },
    /// The connection broke off before the end of the file.
    #[error("failed to load {url}: the connection broke off")]
    Broken {
        /// URL of the file.
        url: String,
        /// Error of the connection.
        source: io::Error,
    },
    /// The file is larger than any that is accepted.
    #[error("failed to load {url}: it has more than {limit_bytes} bytes")]
    TooLarge {
        /// URL of the file.
        url: String,
        /// Largest size that is accepted.
        limit_bytes: u64,
    },
    /// The file does not have the digest that `--checksum` gives.
    #[error("digest mismatch for {url}: {found} (expected: {expected})")]
    Mismatch {
        /// URL of the file.
        url: String,
        /// Digest of the file that was sent.
        found: Digest,
        /// Digest that `--checksum` gives.
        expected: Digest,
    },
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// A git repository cannot be fetched.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
    /// The layers of the store cannot be read or written.
    #[error(transparent)]
    Rootfs(#[from] rootfs::RootfsError),
    /// A file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// Verb phrase that says what was tried, such as "write a download to".
        action: &'static str,
        /// File that it was tried on.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Failure of a fetch on behalf of a build.
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
    /// The layers of the store cannot be read or written.
    #[error(transparent)]
    Rootfs(#[from] rootfs::RootfsError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
    /// A file or stream cannot be read or written.
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
