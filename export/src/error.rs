//! Errors of an export, and the helper that turns errors of the file system into them.

use std::io;
use std::path::{Path, PathBuf};

use cache::StoreError;
use oci::{DiffId, Digest};
use rootfs::RootfsError;

/// An output that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The text of `--output` or `--annotation` is not valid.
    #[error("invalid output {text:?}: {reason}")]
    Request {
        /// Text as the user wrote it.
        text: String,
        /// The defect, as a clause.
        reason: String,
    },
    /// This result cannot have an output of this type.
    #[error("output type={kind}: {reason}")]
    Unsupported {
        /// Type of the output.
        kind: &'static str,
        /// The restriction, as a clause.
        reason: String,
    },
    /// A registry refused a request, or did not answer. The result is in the store.
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    /// An image of the store does not exist, or its documents are broken.
    #[error(transparent)]
    Image(#[from] images::ImageError),
    /// The user canceled the build.
    #[error("canceled")]
    Canceled,
    /// The lowest layers of the result are not those of the base image in its config.
    #[error("the result has {found} as layer {index}, its base image {expected}")]
    Base {
        /// Number of the layer, counted from 0 at the base.
        index: usize,
        /// Layer that the config lists.
        expected: DiffId,
        /// Layer of the result.
        found: String,
    },
    /// The image that was assembled breaks a rule of the image specification.
    #[error("the image that was built is not valid")]
    Invalid(#[from] oci::validate::InvalidImage),
    /// The directory of an output file does not exist.
    #[error("cannot write {}: its directory does not exist", dest.display())]
    NoDirectory {
        /// File that was to be written.
        dest: PathBuf,
    },
    /// The content of a blob in the store does not have its digest. Nothing was written under the final name.
    #[error("blob {digest} of the store is damaged")]
    Damaged {
        /// Digest that the blob should have.
        digest: Digest,
    },
    /// A layer could not be read or rewritten.
    #[error(transparent)]
    Rootfs(RootfsError),
    /// The store could not be read or written.
    #[error(transparent)]
    Store(StoreError),
    /// A file or directory could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// Verb phrase for the operation, such as `write`.
        action: &'static str,
        /// File or directory that the operation was about.
        path: PathBuf,
        /// Error that the operating system reported.
        source: io::Error,
    },
}

impl ExportError {
    /// Returns what the user can do about the error, if there is anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Damaged { .. } => Some(
                "build again: the damaged blob was removed; a base that came from an archive has to be imported or \
                 loaded again, and `dsbuild check --repair` finds further damage",
            ),
            Self::NoDirectory { .. } => Some("make the directory, or correct the path"),
            _ => None,
        }
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { expected, .. } => Self::Damaged { digest: expected },
            error => Self::Store(error),
        }
    }
}

impl From<RootfsError> for ExportError {
    fn from(error: RootfsError) -> Self {
        match error {
            RootfsError::Store(error) => error.into(),
            error => Self::Rootfs(error),
        }
    }
}

/// Returns a function for `map_err`: `action` on `path` failed. Damage and cancellation, which readers report as errors of
/// the file system, become errors of their own.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| {
        let cause = source.get_ref();
        if let Some(DamagedBlob { digest }) = cause.and_then(|cause| cause.downcast_ref()) {
            return ExportError::Damaged { digest: *digest };
        }
        if cause.is_some_and(|cause| cause.is::<ExportCanceled>()) {
            return ExportError::Canceled;
        }
        ExportError::Io { action, path, source }
    }
}

/// Cause of a read error: the content of the blob does not have its digest.
#[derive(Debug, thiserror::Error)]
#[error("blob {digest} of the store is damaged")]
pub(crate) struct DamagedBlob {
    /// Digest that the blob should have.
    pub digest: Digest,
}

/// Cause of a read or write error: the user canceled the build.
#[derive(Debug, thiserror::Error)]
#[error("canceled")]
pub(crate) struct ExportCanceled;
