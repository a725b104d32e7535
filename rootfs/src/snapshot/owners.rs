//! Owners that the user namespace of this process cannot represent.
//!
//! In a tree, such a file belongs to the process, and a mark has its owner ([`xattr::read_owner`]). Overlayfs copies the
//! mark up with the file, wherever a process moves it; a new file has none. A layer gets the owner from the mark.
//! Symlinks and pipes cannot have a mark. They are recognized by what they are and by their time, among the entries
//! that the layers below have at the same path or that the process has removed.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::RootfsError;
use crate::change::Change;
use crate::entry::{Entry, Kind};
use crate::error::failed;
use crate::safe_path::{DIRECTORY, open_beneath};
use crate::tree::Tree;
use crate::xattr;

/// Gives changes that are copies of files in `below` their owners back. Returns how many there were.
pub(super) fn restore(
    changes: &mut [Change],
    upper: &OwnedFd,
    below: &Arc<dyn Tree>,
) -> Result<u64, RootfsError> {
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let removed = changes.iter().filter(|change| change.entry.kind == Kind::Whiteout);
    let removed: BTreeSet<PathBuf> = removed.map(|change| change.path.clone()).collect();
    let mut restored = 0;
    // An entry with another owner has been given away by the process.
    for change in changes.iter_mut().filter(|change| (change.entry.uid, change.entry.gid) == own) {
        let owner = match change.entry.kind {
            Kind::Directory { .. } | Kind::File { .. } | Kind::Hardlink { .. } => {
                marked(upper, &change.path)?
            }
            Kind::Whiteout => None,
            _ => original_of(change, &removed, below)?.map(|original| (original.uid, original.gid)),
        };
        if let Some((uid, gid)) = owner {
            (change.entry.uid, change.entry.gid) = (uid, gid);
            restored += 1;
        }
    }
    Ok(restored)
}

/// Returns the owner that the mark of a file or directory has.
fn marked(upper: &OwnedFd, path: &Path) -> Result<Option<(u32, u32)>, RootfsError> {
    let parent = path.parent().unwrap_or(Path::new(""));
    let dir = open_beneath(upper, parent, DIRECTORY | OFlags::RDONLY).map_err(failed("open", parent))?;
    xattr::read_owner(dir.as_fd(), path.file_name().unwrap_or_default())
        .map_err(failed("read an attribute of", path))
}

/// Returns the lower entry that an entry without a mark is a copy of.
fn original_of(
    change: &Change,
    removed: &BTreeSet<PathBuf>,
    below: &Arc<dyn Tree>,
) -> Result<Option<Entry>, RootfsError> {
    for path in [&change.path].into_iter().chain(removed) {
        let entry = below.lookup(path).map_err(failed("look up", path))?;
        let is_same = |entry: &Entry| (&entry.kind, entry.mtime) == (&change.entry.kind, change.entry.mtime);
        if let Some(entry) = entry.filter(is_same) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}
