//! Errors of trees and their entries, and the two helpers that make most of them.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A tree that cannot be read or written, or an entry that no tree can have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The tar of a layer breaks a rule, or its content would be ambiguous.
    #[error("invalid layer entry{}: {reason}", shown(path))]
    BadEntry {
        /// Name of the entry; empty if it is not known yet.
        path: PathBuf,
        /// The rule, as a phrase.
        reason: String,
    },
    /// An input exceeds a limit.
    #[error("{what} is over the limit of {limit}")]
    Limit {
        /// Name of the limited quantity.
        what: &'static str,
        /// The limit with its unit.
        limit: String,
    },
    /// A source file changed while it was copied into a layer.
    #[error("{} changed while it was being copied; build again", path.display())]
    Changed {
        /// Path of the source file.
        path: PathBuf,
    },
    /// An entry has an owner that the user namespace lacks, and the file system cannot keep a note of it.
    #[error("{} belongs to {uid}:{gid}, which is not among the {count} IDs of this user namespace", path.display())]
    UnmappedOwner {
        /// Path in the image, relative to its root.
        path: PathBuf,
        /// User ID of the owner in the layer.
        uid: u32,
        /// Group ID of the owner in the layer.
        gid: u32,
        /// Number of user IDs of the namespace.
        count: u64,
    },
    /// A file operation failed.
    #[error("cannot {action}{}", shown(path))]
    Io {
        /// Verb phrase for the operation, such as `open`.
        action: &'static str,
        /// Object of the operation; empty if it has no path.
        path: PathBuf,
        /// Error that the operating system reported.
        source: io::Error,
    },
}

/// Returns a path for a message, with a space before it; nothing for an empty path.
fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() { String::new() } else { format!(" {}", path.display()) }
}

/// Returns the error for the entry at `path` that breaks the rule in `reason`.
pub fn bad_entry(path: &[u8], reason: impl Into<String>) -> TreeError {
    TreeError::BadEntry { path: OsStr::from_bytes(path).into(), reason: reason.into() }
}

/// Returns a converter for `map_err` that adds what was attempted: `action` is a verb phrase such as `"open"`, `path`
/// its object.
pub fn failed<E: Into<io::Error>>(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(E) -> TreeError {
    move |source| TreeError::Io { action, path: path.into(), source: source.into() }
}
