//! What can go wrong with images that come from outside.

use std::io;
use std::path::PathBuf;

use cache::StoreError;
use oci::{Digest, DocumentError, Platform};
use registry::RegistryError;
use rootfs::RootfsError;

/// An image that cannot be found, read or brought here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No such image.
    #[error("{name}: not found")]
    NotFound {
        /// As asked for.
        name: String,
    },
    /// The image is for other platforms.
    #[error("no match for platform in manifest: not found: {wanted} was asked for, there is {available}")]
    NoPlatform {
        /// What was asked for.
        wanted: Box<Platform>,
        /// What there is, separated by commas.
        available: String,
    },
    /// A manifest, index or config that breaks the rules.
    #[error("bad document {digest}")]
    Document {
        /// Its digest.
        digest: Digest,
        /// Which rule.
        source: DocumentError,
    },
    /// Manifest and config do not belong together.
    #[error("bad image {digest}")]
    Invalid {
        /// The manifest's digest.
        digest: Digest,
        /// Which rule.
        source: oci::validate::InvalidImage,
    },
    /// A document is larger than any real one.
    #[error("document {digest} has {size_bytes} bytes, more than {limit_bytes}")]
    TooLarge {
        /// Its digest.
        digest: Digest,
        /// Its size.
        size_bytes: u64,
        /// What is taken.
        limit_bytes: u64,
    },
    /// No OCI layout, no image archive, or a broken one.
    #[error("{}: {reason}", path.display())]
    Layout {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A layer could not be unpacked.
    #[error("layer {digest}")]
    Layer {
        /// The blob's digest.
        digest: Digest,
        /// Why not.
        source: Box<SourceError>,
    },
    /// The registry refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The layer store refused.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused, or a stream broke. `action` is a verb phrase.
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

impl SourceError {
    /// True if the image is not there, as opposed to being broken or out of reach.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::NotFound { .. } | Self::NoPlatform { .. } => true,
            Self::Registry(RegistryError::NotFound { .. }) | Self::Store(StoreError::Missing { .. }) => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
