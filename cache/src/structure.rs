//! The directories and files at the top of a store, and what lies in the place of one of them.
//!
//! A backup, a CI cache or another user can have put a symbolic link, a file or a FIFO where the store has a directory.
//! Nothing may follow it, so opening the store fails. A repair removes it: it moves the name, never what a link leads to.

use std::fs::FileType;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::files::{IoContext, unlink};
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

/// Directories that are made when they are needed.
const LATER_DIRS: [&str; 4] = ["pins", "downloads", "commits", "roots"];

/// Files that are made anew when they are lost.
const FILES: [&str; 9] = [
    "lock",
    "collect.lock",
    "format",
    "oci-layout",
    "index.json",
    "index.json.lock",
    "index.json.previous",
    "reserve",
    "collected",
];

/// Fails if something else lies in the place of a directory. An absent directory is made when it is needed.
pub(crate) fn check(root: &Path) -> Result<(), StoreError> {
    match misplaced(root, &DIRS, FileType::is_dir)?.into_iter().next() {
        Some(path) => Err(StoreError::Misplaced { path }),
        None => Ok(()),
    }
}

/// Removes what lies in the place of a directory or file; returns the paths.
pub(crate) fn repair(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let tmp = misplaced(root, &DIRS[..1], FileType::is_dir)?;
    // Nothing can be moved to `tmp` before it is a directory.
    tmp.iter().try_for_each(|path| unlink(path).at("remove", path))?;
    ensure_private_dir(&root.join("tmp"))?;
    let mut found = misplaced(root, &DIRS, FileType::is_dir)?;
    found.extend(misplaced(root, &LATER_DIRS, FileType::is_dir)?);
    found.extend(misplaced(root, &FILES, FileType::is_file)?);
    found.iter().try_for_each(|path| discard(root, path))?;
    found.splice(0..0, tmp);
    Ok(found)
}

/// Lists the existing names for whose type `is_right` is false. Looks below no symbolic link.
fn misplaced(
    root: &Path,
    names: &[&str],
    is_right: impl Fn(&FileType) -> bool,
) -> Result<Vec<PathBuf>, StoreError> {
    let mut found: Vec<PathBuf> = Vec::new();
    for path in names.iter().map(|name| root.join(name)) {
        if path.parent().is_some_and(|parent| found.iter().any(|other| other == parent)) {
            continue;
        }
        match path.symlink_metadata() {
            Ok(metadata) if is_right(&metadata.file_type()) => {}
            Ok(_) => found.push(path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).at("stat", &path),
        }
    }
    Ok(found)
}
