//! Errors of images that come from outside.

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
    /// A layer could not be fetched or unpacked.
    #[error("layer {digest}")]
    Layer {
        /// Digest of the blob.
        digest: Digest,
        /// Error of the fetch, or of unpacking.
        source: Box<SourceError>,
    },
    /// The registry refused, or could not be reached.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The layers of the store cannot be read or written.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written, or a stream broke off.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// Verb phrase that says what was tried, such as "unpack".
        action: &'static str,
        /// File or stream that it was tried on.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl SourceError {
    /// Returns what the user can do about the error, if it is known here.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Layer { source, .. } => source.hint(),
            Self::Store(error) | Self::Image(ImageError::Store(error)) => error.hint(),
            _ => None,
        }
    }

    /// Reports whether the image does not exist, as opposed to being broken or out of reach.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Image(error) => error.is_not_found(),
            Self::Registry(RegistryError::NotFound { .. }) | Self::Store(StoreError::Missing { .. }) => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// Returns the error and its causes in one line.
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

/// Returns a function that names the action and the file in an error of the operating system.
pub(super) fn io_error(
    action: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> SourceError + use<> {
    let path = path.to_owned();
    move |source| SourceError::Io { action, path, source }
}
