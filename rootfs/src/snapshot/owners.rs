//! Owners that the user namespace of this process cannot represent.
//!
//! In a tree, such a file belongs to the process, and a mark has its owner ([`xattr::read_owner`]). Overlayfs copies the
//! mark up with the file, wherever a process moves it; a new file has none. A layer gets the owner from the mark.
//! Symlinks and pipes cannot have a mark. They are recognized by what they are and by their time, among the entries
//! that the layers below have at the same path or that the process has removed. Copies have none either ([`super::copies`]).
//!
//! Set-user-ID and set-group-ID bits come back with the owner: the process did not see them, and cannot have removed them.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::OFlags;

use super::copies::Comparison;
use crate::RootfsError;
use crate::change::Change;
use crate::error::failed;
use trees::create::mark_owner;
use trees::dir_tree::DirTree;
use trees::entry::{Entry, Kind};
use trees::safe_path::{DIRECTORY, open_beneath};
use trees::tree::Tree;
use trees::xattr::{self, Owner};

/// Gives changes that the process made of files in `below` their owners back. Returns how many there were. `began` is when
/// the process began, or earlier.
pub(super) fn restore(
    changes: &mut [Change],
    upper: &OwnedFd,
    below: &Arc<dyn Tree>,
    began: SystemTime,
) -> Result<u64, RootfsError> {
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let removed = changes.iter().filter(|change| change.entry.kind == Kind::Whiteout);
    let removed: BTreeSet<PathBuf> = removed.map(|change| change.path.clone()).collect();
    let (mut restored, mut without) = (0, Vec::new());
    for (index, change) in changes.iter_mut().enumerate() {
        // An entry with another owner has been given away by the process.
        if (change.entry.uid, change.entry.gid) != own || change.entry.kind == Kind::Whiteout {
            continue;
        }
        let owner = match change.entry.kind {
            Kind::Directory { .. } | Kind::File { .. } | Kind::Hardlink { .. } => {
                marked(upper, &change.path)?
            }
            _ => original_of(change, &removed, below)?.map(|original| Owner::of(&original)),
        };
        match owner {
            Some(owner) => {
                owner.give(&mut change.entry);
                restored += 1;
            }
            None => without.push(index),
        }
    }
    let tree = DirTree::new(upper.try_clone().map_err(failed("open", ""))?);
    let comparison = Comparison { upper: &tree, below: &**below, own, began };
    let copies = comparison.restore(changes, &without)?;
    for change in copies.iter().map(|index| &changes[*index]) {
        mark(upper, change)?;
    }
    Ok(restored + copies.len() as u64)
}

/// Marks a copy with its owner, so that the next process that changes it does not lose the owner.
fn mark(upper: &OwnedFd, change: &Change) -> Result<(), RootfsError> {
    if !matches!(change.entry.kind, Kind::Directory { .. } | Kind::File { .. }) {
        return Ok(());
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = open_beneath(upper, &change.path, flags).map_err(failed("open", &change.path))?;
    Ok(mark_owner(file.as_fd(), &change.path, &change.entry)?)
}

/// Returns the owner that the mark of a file or directory has.
fn marked(upper: &OwnedFd, path: &Path) -> Result<Option<Owner>, RootfsError> {
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
