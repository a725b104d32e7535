//! The directories and files of a store, and what lies in the place of one of them.
//!
//! A backup, a CI cache or another user can have put a symbolic link, a file or a FIFO where the store has a directory, or
//! a directory where it has a file. Nothing may follow or open it, so opening the store fails where its top is affected.
//! A repair removes it: it takes the name away, and never touches what a link leads to.

use std::fs::FileType;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::files::{IoContext, names_in, unlink};
use crate::tmp::{discard, ensure_private_dir};

/// Directories that every store has from the beginning, parents first.
pub(crate) const DIRS: [&str; 10] = [
    "tmp",
    "blobs",
    "blobs/sha256",
    "records",
    "records/v1",
    "layers",
    "stat",
    "steps",
    "mounts",
    "containers",
];

/// Directories that are made when they are needed, parents first. A `*` stands for each name that begins with no dot.
const LATER_DIRS: [&str; 11] = [
    "pins",
    "downloads",
    "commits",
    "roots",
    "versions",
    "records/v1/*",
    "layers/*",
    "mounts/*",
    "mounts/*/*",
    "mounts/*/*/data",
    "containers/*",
];

/// Files that are made anew when they are lost.
const FILES: [&str; 19] = [
    "lock",
    "collect.lock",
    "format",
    "oci-layout",
    "index.json",
    "index.json.lock",
    "index.json.copy",
    "index.json.previous",
    "reserve",
    "collected",
    "containers/.lock",
    "mounts/*/*/ready",
    "records/v1/*/*",
    "stat/*",
    "steps/*",
    "pins/*",
    "downloads/*",
    "commits/*",
    "versions/*",
];

/// Name of the one directory among the files derived from a layer.
const TREE: &str = "tree";

/// Fails if something else lies in the place of a directory. An absent directory is made when it is needed.
pub(crate) fn check(root: &Path) -> Result<(), StoreError> {
    for path in DIRS.map(|name| root.join(name)) {
        if !has_type(&path, FileType::is_dir)? {
            return Err(StoreError::Misplaced { path });
        }
    }
    Ok(())
}

/// Removes what lies in the place of a directory or file; returns the paths.
pub(crate) fn repair(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let tmp = root.join("tmp");
    let mut removed = Vec::new();
    if !has_type(&tmp, FileType::is_dir)? {
        // Nothing can be moved to `tmp` before it is a directory.
        unlink(&tmp).at("remove", &tmp)?;
        removed.push(tmp.clone());
    }
    ensure_private_dir(&tmp)?;
    let mut keep_only = |pattern: &str, is_right: fn(&FileType) -> bool| {
        for path in expand(root, pattern)? {
            if !has_type(&path, is_right)? {
                discard(root, &path)?;
                removed.push(path);
            }
        }
        Ok(())
    };
    // Parents come first: below each directory, nothing is looked up through a link any more.
    DIRS.iter().chain(&LATER_DIRS).try_for_each(|pattern| keep_only(pattern, FileType::is_dir))?;
    FILES.iter().try_for_each(|pattern| keep_only(pattern, FileType::is_file))?;
    for path in expand(root, "layers/*/*")? {
        let is_tree = path.file_name().is_some_and(|name| name == TREE);
        let is_right = if is_tree { FileType::is_dir } else { FileType::is_file };
        if !has_type(&path, is_right)? {
            discard(root, &path)?;
            removed.push(path);
        }
    }
    Ok(removed)
}

/// Returns the paths that a pattern stands for. Lists the names for `*` and looks nothing else up.
fn expand(root: &Path, pattern: &str) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = vec![root.to_owned()];
    for component in pattern.split('/') {
        let mut below = Vec::new();
        for path in paths {
            if component == "*" {
                let names = names_in(&path)?.into_iter().filter(|name| !name.starts_with('.'));
                below.extend(names.map(|name| path.join(name)));
            } else {
                below.push(path.join(component));
            }
        }
        paths = below;
    }
    Ok(paths)
}

/// Returns whether `path` has the type, or does not exist.
fn has_type(path: &Path, is_right: impl Fn(&FileType) -> bool) -> Result<bool, StoreError> {
    match path.symlink_metadata() {
        Ok(metadata) => Ok(is_right(&metadata.file_type())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        // A parent is no directory.
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error).at("stat", path),
    }
}
