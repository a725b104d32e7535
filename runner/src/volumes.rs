//! The named volumes of a store: listing and removal.
//!
//! Concurrency: a volume is removed only if no container has it. A container that starts at that moment makes it anew.

use std::fs;
use std::io;
use std::path::PathBuf;

use cache::Store;

use crate::RunnerError;
use crate::error::io_error;

/// Lists the names of all volumes, sorted.
pub fn list(store: &Store) -> Result<Vec<String>, RunnerError> {
    let dir = volumes_dir(store);
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_error("read", &dir))?,
    };
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let names = entries.filter_map(Result::ok).filter(is_dir);
    let mut names: Vec<String> =
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// Returns the directory with the data of a volume, whether or not it exists.
pub fn path(store: &Store, name: &str) -> PathBuf {
    volumes_dir(store).join(name)
}

/// Removes a volume with everything in it; returns whether it existed.
pub fn remove(store: &Store, name: &str) -> Result<bool, RunnerError> {
    // A name is one part of a path: nothing else is a volume.
    if !list(store)?.iter().any(|known| known == name) {
        return Ok(false);
    }
    let dir = path(store, name);
    fs::remove_dir_all(&dir).map_err(io_error("remove", &dir))?;
    Ok(true)
}

fn volumes_dir(store: &Store) -> PathBuf {
    store.root().join("volumes")
}
