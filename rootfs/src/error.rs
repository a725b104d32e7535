//! What can go wrong with layers and trees.

use std::io;
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
