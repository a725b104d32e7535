//! What can go wrong with images that come from outside.

use std::io;
use std::path::PathBuf;

use cache::StoreError;
use images::ImageError;
use oci::Digest;
use registry::RegistryError;
use rootfs::RootfsError;

/// An image that cannot be found, read or brought here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The image does not exist, or its documents are broken.
    #[error(transparent)]
    Image(#[from] ImageError),
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
            Self::Image(error) => error.is_not_found(),
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
