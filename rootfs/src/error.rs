//! Errors of layers and snapshots, and the two helpers that make most of them.

use std::io;
use std::path::PathBuf;

use trees::TreeError;

/// A layer or snapshot that cannot be read, written or mounted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootfsError {
    /// A tree or an entry of a layer is the cause.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// An operation of the store failed.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
}

impl From<tarball::TarError> for RootfsError {
    fn from(error: tarball::TarError) -> Self {
        match error {
            tarball::TarError::BadEntry { path, reason } => TreeError::BadEntry { path, reason }.into(),
            tarball::TarError::Limit { what, limit } => TreeError::Limit { what, limit }.into(),
            tarball::TarError::Read(source) => failed("read the layer's tar", "")(source),
            other => failed("read the layer's tar", "")(io::Error::other(other)),
        }
    }
}

/// Returns the error for the entry at `path` that breaks the rule in `reason`.
pub(crate) fn bad_entry(path: &[u8], reason: impl Into<String>) -> RootfsError {
    trees::bad_entry(path, reason).into()
}

/// Returns a converter for `map_err` that adds what was attempted: `action` is a verb phrase such as `"open"`, `path`
/// its object.
pub(crate) fn failed<E: Into<io::Error>>(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(E) -> RootfsError {
    move |error| trees::failed(action, path)(error).into()
}
