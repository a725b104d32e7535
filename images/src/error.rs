//! Errors of looking up an image and of reading its documents.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use cache::StoreError;
use oci::{Digest, DocumentError, Platform};

/// An image that does not exist, is broken, or whose documents cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// There is no such image.
    #[error("{name}: not found")]
    NotFound {
        /// Name or digest that was asked for.
        name: String,
    },
    /// The image exists, but only for other platforms.
    #[error("no match for platform in manifest: not found: {}", choice(wanted, available))]
    NoPlatform {
        /// Platform that was asked for.
        wanted: Box<Platform>,
        /// Platforms of the image, separated by commas; empty if its index holds nothing but attestations.
        available: String,
    },
    /// Several images have an ID that begins with the given digits.
    #[error("{name}: several images have an ID that begins so")]
    Ambiguous {
        /// Digits that were given.
        name: String,
    },
    /// A manifest, index or config breaks the rules of its format.
    #[error("bad {kind} {digest}")]
    Document {
        /// Kind of the document: "image manifest", "image index" or "image config".
        kind: &'static str,
        /// Digest of the document.
        digest: Digest,
        /// Rule that it breaks.
        source: DocumentError,
    },
    /// Manifest and config do not belong together.
    #[error("bad image {digest}")]
    Invalid {
        /// Digest of the manifest.
        digest: Digest,
        /// Rule that they break.
        source: oci::validate::InvalidImage,
    },
    /// A document is larger than any real one.
    #[error("document {digest} has {size_bytes} bytes, more than {limit_bytes}")]
    TooLarge {
        /// Digest of the document.
        digest: Digest,
        /// Size that its descriptor announces.
        size_bytes: u64,
        /// Largest size that is accepted.
        limit_bytes: u64,
    },
    /// A statement about an image is not in-toto's JSON.
    #[error("bad attestation {digest}: {reason}")]
    Statement {
        /// Digest of the statement.
        digest: Digest,
        /// Message of the JSON parser.
        reason: String,
    },
    /// A file or directory is not an image layout or archive, or is a broken one.
    #[error("{}: {reason}", path.display())]
    Layout {
        /// File or directory that was given as a layout or archive.
        path: PathBuf,
        /// Defect, with the member that it is about.
        reason: String,
    },
    /// The source of the blobs failed, such as a registry.
    #[error(transparent)]
    BlobSource(BlobSourceError),
    /// The version of a name does not exist, or its image is gone.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The local store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read, or a stream broke off.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// Verb phrase that says what was tried, such as "read blob".
        action: &'static str,
        /// File or blob that it was tried on.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Compares the platform that was asked for with those of an image.
fn choice(wanted: &Platform, available: &str) -> String {
    if available.is_empty() {
        return format!(
            "{wanted} was asked for, but the index holds no image, only attestations or artifacts"
        );
    }
    format!("{wanted} was asked for, there is {available}")
}

impl ImageError {
    /// Reports whether the image does not exist, as opposed to being broken or out of reach.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::NoPlatform { .. } | Self::Store(StoreError::Missing { .. }) => true,
            Self::BlobSource(error) => error.is_missing,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

/// Version that does not exist, or whose image is gone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// The name has no versions in this store.
    #[error("{name} has no versions in this store")]
    None {
        /// Name that was asked for.
        name: String,
    },
    /// The name has versions, but not this one.
    #[error("{name} has no version {wanted}; there are {first} to {last}")]
    Unknown {
        /// Name that was asked for.
        name: String,
        /// Version as it was asked for.
        wanted: String,
        /// Oldest version in the list.
        first: u64,
        /// Number of the present version.
        last: u64,
    },
    /// The name has always pointed to the same image.
    #[error("{name} has no version before the present one")]
    NoneBefore {
        /// Name that was asked for.
        name: String,
    },
    /// The version is in the list, but its image is no longer in the store.
    #[error("the image of version {number} of {name} is no longer in the store")]
    Gone {
        /// Name that was asked for.
        name: String,
        /// Number of the version.
        number: u64,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Error of a source of blobs, such as a registry.
#[derive(Debug)]
pub struct BlobSourceError {
    /// True if the source answered that the blob does not exist.
    pub is_missing: bool,
    /// Error in the words of the source.
    pub inner: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for BlobSourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Error for BlobSourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source()
    }
}
