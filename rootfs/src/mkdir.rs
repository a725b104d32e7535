//! Creating the directories that lead to a path of a [`Diff`].

use std::io;
use std::path::{Path, PathBuf};

use crate::RootfsError;
use crate::diff::Diff;
use trees::entry::{Entry, Timestamp};
use trees::tree::Tree;

/// Metadata of directories that are created on the way.
#[derive(Debug, Clone, Copy)]
pub struct NewDirectory {
    /// Permission bits of the directory.
    pub mode: u32,
    /// Owner of the directory.
    pub uid: u32,
    /// Group of the directory.
    pub gid: u32,
    /// Modification time of the directory.
    pub mtime: Timestamp,
}

/// A directory that cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MkdirError {
    /// Something that is not a directory is in the way.
    #[error("mkdir {}: not a directory", path.display())]
    NotADirectory {
        /// Path from the root, with a leading slash.
        path: PathBuf,
    },
    /// The tree below cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Path in the tree.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The change cannot be recorded.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
}

/// Creates `path` and whatever is missing above it. Directories that exist are left as they are.
///
/// Symlinks in `path` have to be resolved already.
pub fn mkdir_all(diff: &mut Diff, path: &Path, new: &NewDirectory) -> Result<(), MkdirError> {
    let mut missing = Vec::new();
    for above in path.ancestors() {
        let existing =
            diff.lookup(above).map_err(|source| MkdirError::Read { path: above.to_owned(), source })?;
        match existing {
            Some(entry) if entry.is_dir() => break,
            Some(_) => return Err(MkdirError::NotADirectory { path: Path::new("/").join(above) }),
            None => missing.push(above),
        }
    }
    for above in missing.into_iter().rev() {
        let entry = Entry { uid: new.uid, gid: new.gid, mtime: new.mtime, ..Entry::directory(new.mode) };
        diff.put(above, entry, None)?;
    }
    Ok(())
}
