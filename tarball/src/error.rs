//! The error of a tar that cannot be read, and the helper that makes it.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A tar that cannot be read, or a header that cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// The tar breaks a rule, or its content would be ambiguous.
    #[error("invalid tar entry {}: {reason}", path.display())]
    BadEntry {
        /// Name of the entry; empty if it is not known yet.
        path: PathBuf,
        /// The rule, as a phrase.
        reason: String,
    },
    /// The tar exceeds a limit.
    #[error("{what} is over the limit of {limit}")]
    Limit {
        /// Name of the limited quantity.
        what: &'static str,
        /// The limit with its unit.
        limit: String,
    },
    /// The reader of the tar failed.
    #[error("cannot read the layer's tar")]
    Read(#[source] io::Error),
}

/// Returns the error for the entry at `path` that breaks the rule in `reason`.
pub(crate) fn bad_entry(path: &[u8], reason: impl Into<String>) -> TarError {
    TarError::BadEntry { path: OsStr::from_bytes(path).into(), reason: reason.into() }
}
