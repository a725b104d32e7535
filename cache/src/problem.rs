//! Problems: damage that no crash and no power cut can cause, as a check reports it.

use std::path::PathBuf;

use oci::Digest;

use crate::StoreError;

/// Damage in a store, found by [`crate::Store::check`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The content of a blob does not have the digest that its name claims.
    #[error("blob {digest} is corrupt: its content has {found}")]
    Corrupt {
        /// Name of the blob.
        digest: Digest,
        /// Digest of its content.
        found: Digest,
    },
    /// A blob cannot be read, or a document cannot be parsed.
    #[error("blob {digest} is unreadable: {reason}")]
    Unreadable {
        /// Name of the blob.
        digest: Digest,
        /// The error and its causes, in one line.
        reason: String,
    },
    /// A document names a blob that the store does not have.
    #[error("blob {digest} is missing; {of} names it")]
    Missing {
        /// Name of the missing blob.
        digest: Digest,
        /// Digest of the document. Equals `digest` if the name of an image leads there.
        of: Digest,
    },
    /// A blob has another size than its manifest states.
    #[error("blob {digest} has {found_bytes} bytes, not {expected_bytes} as its manifest states")]
    Size {
        /// Name of the blob.
        digest: Digest,
        /// Size in the manifest.
        expected_bytes: u64,
        /// Size that it has on disk.
        found_bytes: u64,
    },
    /// Something other than a blob lies in `blobs/sha256/`.
    #[error("{} is not a blob", path.display())]
    Stray {
        /// Path of the file or directory.
        path: PathBuf,
    },
    /// A root does not say what it protects. Until it is repaired or removed, nothing is collected.
    #[error("{} does not list what it protects: {reason}; nothing can be collected", path.display())]
    Root {
        /// File in `roots/` that was read.
        path: PathBuf,
        /// The defect, as a clause: "its checksum is wrong".
        reason: String,
    },
    /// The versions of a name are unreadable. The name itself is not affected.
    #[error("{} does not list the versions of a name: {reason}", path.display())]
    Versions {
        /// File in `versions/` that was read.
        path: PathBuf,
        /// The defect, as a clause: "its checksum is wrong".
        reason: String,
    },
    /// The file `index.json` cannot be read or parsed.
    #[error("the names of images are unreadable: {reason}")]
    Names {
        /// The error and its causes, in one line.
        reason: String,
    },
}

impl Problem {
    /// Describes why the blob `digest` could not be read.
    pub(crate) fn from_error(digest: Digest, error: &StoreError) -> Self {
        match error {
            StoreError::Missing { digest } => Self::Missing { digest: *digest, of: *digest },
            StoreError::Corrupt { expected, found } => Self::Corrupt { digest: *expected, found: *found },
            other => Self::Unreadable { digest, reason: crate::error::chain(other) },
        }
    }
}
