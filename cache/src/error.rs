//! The error of every operation on a store.

use std::io;
use std::path::PathBuf;

use oci::Digest;

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store has no blob with this digest.
    #[error("the store has no blob {digest}")]
    Missing {
        /// Digest that was looked up.
        digest: Digest,
    },
    /// The content of a blob does not have the digest that was expected.
    #[error("blob {expected} is corrupt: its content has {found}")]
    Corrupt {
        /// Digest that the name or the caller claims.
        expected: Digest,
        /// Digest of the content.
        found: Digest,
    },
    /// A blob is larger than the caller allows.
    #[error("blob {digest} has {size_bytes} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// Name of the blob.
        digest: Digest,
        /// Size of the blob on disk.
        size_bytes: u64,
        /// Largest size that the caller takes.
        limit_bytes: u64,
    },
    /// The directory is not a store, has another format version, or belongs to another user.
    #[error("{} is not a store of this version: {reason}", root.display())]
    Format {
        /// Directory that was to be opened.
        root: PathBuf,
        /// The difference that was found, as a clause: "it is not a directory".
        reason: String,
    },
    /// A symbolic link, a file or a FIFO lies in the place of a directory of the store.
    #[error("{} is not a directory, so the store is damaged", path.display())]
    Misplaced {
        /// Path that has to be a directory.
        path: PathBuf,
    },
    /// A root does not say what it protects, so nothing can be collected.
    #[error("cannot collect: {} does not list what it protects: {reason}", path.display())]
    BadRoot {
        /// File in `roots/` that was read.
        path: PathBuf,
        /// The defect, as a clause: "its checksum is wrong".
        reason: String,
    },
    /// No root protects the layers of a container, so nothing can be collected.
    #[error("cannot collect: no root protects the layers of {}", container.display())]
    NoRoot {
        /// Directory of the container, in `containers/`.
        container: PathBuf,
    },
    /// The file system refused an operation.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// Verb phrase for the operation: "rename into blobs".
        action: &'static str,
        /// File or directory that it was about.
        path: PathBuf,
        /// Reason that the system gave.
        source: io::Error,
    },
}

impl StoreError {
    /// Returns what the user can do about the error, if it is known here.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } | Self::Corrupt { .. } => Some(
                "a part of an image is lost or damaged: import, load, pull or build that image again; \
                 `dsbuild check` names the images, `dsbuild check --repair` removes what is left of them",
            ),
            _ => None,
        }
    }

    /// Returns whether a file is lost, or something else than what was written.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Io { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof
        ))
    }

    /// Returns whether the disk is full, or this user's quota on it.
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}

/// Joins an error and its causes in one line, separated by colons.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
