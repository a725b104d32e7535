//! Cloning mounts: a directory or file becomes a mount of its own, attached nowhere.
//!
//! Needs the new mount API (`open_tree`, Linux 5.2) and `CAP_SYS_ADMIN` in the mount namespace.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::mount::{OpenTreeFlags, open_tree};

use crate::TreeError;
use crate::error::failed;
use crate::safe_path::open_in_root;

const CLONE: OpenTreeFlags = OpenTreeFlags::OPEN_TREE_CLONE
    .union(OpenTreeFlags::OPEN_TREE_CLOEXEC)
    .union(OpenTreeFlags::AT_EMPTY_PATH);

/// Clones what is at `source` in the opened directory `root`. Symlinks are followed as if `root` were `/`.
pub fn clone_in_root(root: &OwnedFd, source: &Path) -> Result<OwnedFd, TreeError> {
    let found = open_in_root(root, source, OFlags::PATH).map_err(failed("open the mount source", source))?;
    clone_mount(&found, source)
}

/// Clones the directory or file `found`, without mounts below it. `path` is for messages.
pub fn clone_mount(found: &OwnedFd, path: &Path) -> Result<OwnedFd, TreeError> {
    open_tree(found, "", CLONE).map_err(failed("bind", path))
}

/// Clones the directory or file `found` with all mounts below it. `path` is for messages.
pub fn clone_mount_recursively(found: &OwnedFd, path: &Path) -> Result<OwnedFd, TreeError> {
    open_tree(found, "", CLONE | OpenTreeFlags::AT_RECURSIVE).map_err(failed("bind", path))
}
