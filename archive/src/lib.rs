//! Archives that ADD and contexts bring: recognised by their content, unpacked on top of a tree.
//!
//! ```text
//! limits  how much an archive can become, against bombs
//! spool   decompression into a file without a name, and the members in it
//! unpack  members to changes below a directory
//! ```

mod limits;
mod spool;
mod unpack;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use spool::{Archive, begins_archive};
pub use unpack::Unpacker;

use rootfs::RootfsError;
use rootfs::diff::Diff;
use rootfs::mkdir::MkdirError;
use trees::entry::Timestamp;
use trees::tree::{Scratch, Tree};

/// An archive that cannot be read or unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file begins like an archive, but the rest is damaged or goes over a limit.
    #[error("cannot unpack {path}: {reason}")]
    Broken {
        /// Name of the archive as the user wrote it.
        path: String,
        /// Reason, with the member that it is about.
        reason: String,
    },
    /// A directory is needed where something else exists.
    #[error(transparent)]
    Mkdir(#[from] MkdirError),
    /// The archive or the tree below it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Path in its tree, or of the scratch directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The changes cannot be recorded.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
}

impl ArchiveError {
    /// Returns a closure for `map_err` that wraps the error of reading `path`.
    fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }
}

/// Unpacks the file at `path` of `source` on top of nothing. Returns `None` if it is not an archive.
///
/// `scratch` is a directory for the bytes of the archive. The file there has no name and lasts as long as the changes.
pub fn unpack(source: &dyn Tree, path: &Path, scratch: &Path) -> Result<Option<Diff>, ArchiveError> {
    let name = path.display().to_string();
    let Some(archive) = Archive::open(source, path, &name, scratch)? else { return Ok(None) };
    let mut diff = Diff::new(Arc::new(Scratch));
    Unpacker::new(&mut diff, PathBuf::new(), None, Timestamp::default()).all(archive)?;
    Ok(Some(diff))
}
