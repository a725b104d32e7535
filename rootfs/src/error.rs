//! What can go wrong with layers and trees.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// A layer or tree that cannot be read, written or mounted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootfsError {
    /// A layer's tar breaks the rules.
    #[error("bad layer entry {}: {reason}", path.display())]
    BadEntry {
        /// The entry's name as far as known.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A limit was reached.
    #[error("{what} is over the limit of {limit}")]
    Limit {
        /// What.
        what: &'static str,
        /// The limit, with its unit.
        limit: String,
    },
    /// A source changed while it was copied.
    #[error("{} changed while it was being copied; build again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Overlayfs takes no upper directory on the store's file system: another overlay (a container's own root), NFS, ...
    #[error(
        "cannot run a process on {}: its file system ({file_system}) cannot carry an overlay; put the store on another",
        path.display()
    )]
    NoOverlay {
        /// Where the store is.
        path: PathBuf,
        /// Its kind.
        file_system: &'static str,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] cache::StoreError),
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

/// Returns the error for the entry at `path` that breaks the rule in `reason`.
pub(crate) fn bad_entry(path: &[u8], reason: impl Into<String>) -> RootfsError {
    RootfsError::BadEntry { path: OsStr::from_bytes(path).into(), reason: reason.into() }
}

/// Returns a converter for `map_err` that adds what was attempted: `action` is a verb phrase such as `"open"`, `path`
/// its object.
pub(crate) fn failed<E: Into<io::Error>>(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(E) -> RootfsError {
    move |source| RootfsError::Io { action, path: path.into(), source: source.into() }
}
