//! Directories on the way to a destination.

use std::path::{Path, PathBuf};

use rootfs::diff::Diff;
use rootfs::entry::{Entry, Timestamp};
use rootfs::tree::{Tree, resolve};

use super::{FileOpError, shown};

/// What a directory gets that is made on the way.
pub(super) struct Made {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime: Timestamp,
}

/// Where a destination is: its links followed, those of the last element too.
///
/// `..` is taken by the words, before links are followed.
pub(super) fn destination(tree: &dyn Tree, path: &str) -> Result<PathBuf, FileOpError> {
    let clean = PathBuf::from(patterns::clean(&format!("/{path}")));
    resolve(tree, &clean, true).map_err(FileOpError::read(&clean))
}

/// Makes `path` (its links are followed already) and what is missing above it. What is there is left as it is.
pub(super) fn all(diff: &mut Diff, path: &Path, made: &Made) -> Result<(), FileOpError> {
    let mut missing = Vec::new();
    for above in path.ancestors() {
        match diff.lookup(above).map_err(FileOpError::read(above))? {
            Some(entry) if entry.is_dir() => break,
            Some(_) => return Err(FileOpError::Mkdir { path: shown(above) }),
            None => missing.push(above),
        }
    }
    for above in missing.into_iter().rev() {
        let entry = Entry { uid: made.uid, gid: made.gid, mtime: made.mtime, ..Entry::directory(made.mode) };
        diff.put(above, entry, None)?;
    }
    Ok(())
}
