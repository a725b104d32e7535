//! Bringing roots and directories of containers in line with each other.
//!
//! A container has a directory and a root ([`cache::GcRoot`]) that protects its layers. The root is written first and
//! removed last, so a directory without a root is from a version of dsbuild that had no roots, and a root without a
//! directory belongs to a process that was killed in between.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use cache::{CONTAINER_ROOT_PREFIX, Store};

use super::config::ContainerConfig;
use super::files;
use crate::RunnerError;
use crate::error::io_error;

/// Names of everything that a container's directory can contain.
const KNOWN_FILES: [&str; 9] = [
    "config.json",
    ".config.json.tmp",
    "state.json",
    ".state.json.tmp",
    "lock",
    "log.tmp",
    "rootfs",
    "rootfs.lock",
    "socket",
];

/// Gives a root to every container that has none, and removes roots and directories that killed processes left.
///
/// Collection refuses to work in a store with a container that has no root, so this is called before a collection. A
/// container whose `config.json` cannot be read gets no root: nobody knows what it needs.
pub fn reconcile(store: &Store) -> Result<(), RunnerError> {
    let _lock = files::lock_containers(store)?;
    reconcile_locked(store)
}

/// Does the work of [`reconcile`] while the caller holds the lock on all containers.
pub(super) fn reconcile_locked(store: &Store) -> Result<(), RunnerError> {
    let containers = files::containers_dir(store)?;
    for dir in files::container_dirs(&containers)? {
        if files::has_config(&dir) {
            protect(store, &dir)?;
        } else {
            remove_leftover(&dir)?;
        }
    }
    for name in store.gc_root_names()? {
        let id = name.strip_prefix(CONTAINER_ROOT_PREFIX);
        if id.is_some_and(|id| !containers.join(id).exists()) {
            store.gc_root(&name).remove()?;
        }
    }
    Ok(())
}

/// Writes the root of a container unless it has one.
fn protect(store: &Store, dir: &Path) -> Result<(), RunnerError> {
    let Some(id) = dir.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    let name = files::root_name(id);
    if store.gc_root(&name).exists() {
        return Ok(());
    }
    if let Some(config) = files::load::<ContainerConfig>(&dir.join("config.json")) {
        store.protect_from_reserve(&name, config.layers.iter().map(|layer| layer.0))?;
    }
    Ok(())
}

/// Removes the directory of a container that was not completely made, or not completely removed. A directory with a file
/// that no container has is left alone.
fn remove_leftover(dir: &Path) -> Result<(), RunnerError> {
    let failed = || io_error("read", dir);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed())? {
        names.push(entry.map_err(failed())?.file_name());
    }
    let is_known = |name: &OsString| {
        KNOWN_FILES.iter().any(|known| name == known)
            || name.to_str().is_some_and(crate::log::is_segment_name)
    };
    let is_known = names.iter().all(is_known);
    if is_known && !files::is_locked(dir) { files::remove_dir(dir) } else { Ok(()) }
}
