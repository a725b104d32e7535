//! What can go wrong with an export.

use std::io;
use std::path::PathBuf;

use cache::StoreError;
use oci::DiffId;
use rootfs::RootfsError;

/// An output that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// `--output` makes no sense.
    #[error("invalid output {text:?}: {reason}")]
    Request {
        /// As written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The output cannot be had of this build.
    #[error("output type={kind}: {reason}")]
    Unsupported {
        /// The type of the output.
        kind: &'static str,
        /// What it cannot do.
        reason: String,
    },
    /// A registry refused, or is not there. What was built is in the store.
    #[error(transparent)]
    Registry(#[from] registry::RegistryError),
    /// The user asked.
    #[error("canceled")]
    Canceled,
    /// The result does not lie on the base image that its config tells of.
    #[error("the result has {found} as layer {index}, its base image {expected}")]
    Base {
        /// Which layer, from the base up.
        index: usize,
        /// What the config says.
        expected: DiffId,
        /// What was built.
        found: String,
    },
    /// We made an image that breaks the rules.
    #[error("the image that was built is not valid")]
    Invalid(#[from] oci::validate::InvalidImage),
    /// The layer store refused.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
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

/// For `map_err`: the file system refused `action` on `path`.
pub(super) fn io_error(
    action: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::Io { action, path, source }
}
