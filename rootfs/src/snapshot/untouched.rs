//! Files that a process opened for writing, and did not change.
//!
//! Overlayfs copies a file to the upper directory when it is opened for writing, or gets the mode that it has. The locks of apt
//! and `chown -R` to the same owner leave many such copies. They are no changes: a layer that has them is larger, and depends
//! on the driver that found them.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use crate::RootfsError;
use crate::change::Change;
use crate::error::failed;
use trees::dir_tree::DirTree;
use trees::entry::Kind;
use trees::tree::Tree;

/// Returns the regular files among the `suspects` that equal the ones of the tree `below` in everything. All `changes` are in the
/// directory `root`.
pub(super) fn find(
    changes: &[Change],
    suspects: &BTreeSet<PathBuf>,
    root: &OwnedFd,
    below: &dyn Tree,
) -> Result<BTreeSet<PathBuf>, RootfsError> {
    let tree = DirTree::new(root.try_clone().map_err(failed("open", ""))?);
    let is_opaque = |change: &&Change| change.entry.kind == Kind::Directory { opaque: true };
    let opaque: BTreeSet<&Path> = changes.iter().filter(is_opaque).map(|change| &*change.path).collect();
    let mut found = BTreeSet::new();
    for Change { path, entry } in changes.iter().filter(|change| suspects.contains(&change.path)) {
        // An opaque directory hides the equal file, which would be lost.
        let is_file = matches!(entry.kind, Kind::File { .. });
        if !is_file || path.ancestors().any(|above| opaque.contains(above)) {
            continue;
        }
        let content = |tree: &dyn Tree| tree.content(path).map_err(failed("read", path));
        let before = below.lookup(path).map_err(failed("look up", path))?;
        if before.as_ref() == Some(entry) && content(&tree)? == content(below)? {
            found.insert(path.clone());
        }
    }
    Ok(found)
}
