//! What can go wrong with a store.

use std::io;
use std::path::PathBuf;

use oci::Digest;

/// A store that cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No blob has this digest.
    #[error("no blob {digest}")]
    Missing {
        /// Its name.
        digest: Digest,
    },
    /// The bytes are not those that the name promises.
    #[error("blob {expected} is corrupt: its content has {found}")]
    Corrupt {
        /// The name.
        expected: Digest,
        /// The digest of the content.
        found: Digest,
    },
    /// A blob is larger than the caller takes.
    #[error("blob {digest} has {size_bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// Its name.
        digest: Digest,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The directory is a store of another format, or none.
    #[error("{} is not a store of this version: {reason}", root.display())]
    Format {
        /// The store.
        root: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file system refused. `action` is a verb phrase: "rename into blobs".
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

impl StoreError {
    /// True if the disk is full, or what this user may have of it.
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
