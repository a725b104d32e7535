//! The directories and files of containers: where they are, and how documents are read and written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cache::{CONTAINER_ROOT_PREFIX, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RunnerError;
use crate::error::io_error;
use crate::files;

/// Returns the directory of all containers, creating it if needed.
pub(super) fn containers_dir(store: &Store) -> Result<PathBuf, RunnerError> {
    let dir = store.root().join("containers");
    match fs::create_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.map_err(io_error("create", &dir))?,
    }
    if is_dir(&dir) { Ok(dir) } else { Err(io_error("open", &dir)(io::ErrorKind::NotADirectory.into())) }
}

/// Lists the directories in the directory of all containers, in no order.
pub(super) fn container_dirs(containers: &Path) -> Result<Vec<PathBuf>, RunnerError> {
    let entries = fs::read_dir(containers).map_err(io_error("read", containers))?;
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| is_dir(path)).collect())
}

/// Reports whether a path is a directory, and not a symlink to one.
fn is_dir(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// Waits for the lock that is held while a container is created. Dropping the file releases it.
pub(super) fn lock_containers(store: &Store) -> Result<File, RunnerError> {
    let path = containers_dir(store)?.join(".lock");
    let lock = match files::open_lock(&path) {
        // No inode is left for the file, so nobody can hold it. Removal must work all the same.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => File::open(containers_dir(store)?),
        opened => opened,
    };
    let lock = lock.map_err(io_error("create", &path))?;
    files::lock(&lock).map_err(io_error("lock", &path))?;
    Ok(lock)
}

/// Returns the name of a container's root.
pub(super) fn root_name(id: &str) -> String {
    format!("{CONTAINER_ROOT_PREFIX}{id}")
}

/// Returns whether a monitor holds the lock of the container in `dir`.
pub(super) fn is_locked(dir: &Path) -> bool {
    files::open(&dir.join("lock")).is_ok_and(|lock| lock.try_lock_shared().is_err())
}

/// Reports whether a directory has a `config.json`, whatever its type: a container with a damaged one is kept.
pub(super) fn has_config(dir: &Path) -> bool {
    dir.join("config.json").symlink_metadata().is_ok()
}

/// Reads a document; `None` if it is absent, damaged or of another version.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&files::read_document(path).ok()?).ok()
}

/// Whether a document survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// It is on disk before it is found.
    Synced,
    /// It can be lost, or an older one can come back.
    Passing,
}

/// Writes a document durably, and so that a reader sees all of it or nothing.
pub(super) fn save(dir: &Path, name: &str, document: &impl Serialize) -> Result<(), RunnerError> {
    save_as(dir, name, document, Durability::Synced)
}

/// Writes a document so that a reader sees all of it or nothing.
pub(super) fn save_as(
    dir: &Path,
    name: &str,
    document: &impl Serialize,
    durability: Durability,
) -> Result<(), RunnerError> {
    let (path, tmp) = (dir.join(name), dir.join(format!(".{name}.tmp")));
    let bytes = serde_json::to_vec_pretty(document).expect("a document is plain data");
    let write = || -> io::Result<()> {
        // A process that was killed can have left one.
        let _ = fs::remove_file(&tmp);
        let mut file = files::create_new(&tmp)?;
        file.write_all(&bytes)?;
        if durability == Durability::Synced {
            file.sync_all()?;
        }
        fs::rename(&tmp, &path)
    };
    write().map_err(io_error("write", &path))
}

/// Reports whether an error means that the disk, or the quota of the user, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes a document over an existing one of about the same size, which needs no space. A power cut can damage it.
pub(super) fn overwrite(dir: &Path, name: &str, document: &impl Serialize) -> Result<(), RunnerError> {
    let path = dir.join(name);
    // A failed attempt can have left a file that takes space.
    let _ = fs::remove_file(dir.join(format!(".{name}.tmp")));
    let bytes = serde_json::to_vec_pretty(document).expect("a document is plain data");
    let write = || -> io::Result<()> {
        let mut file = files::open_existing_for_writing(&path)?;
        file.write_all(&bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    };
    write().map_err(io_error("write", &path))
}

/// Returns the length of all regular files below a directory; 0 for one that does not exist.
pub(super) fn tree_bytes(dir: &Path) -> u64 {
    let (mut total_bytes, mut pending) = (0, vec![dir.to_owned()]);
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok) {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => pending.push(entry.path()),
                Ok(metadata) if metadata.is_file() => total_bytes += metadata.len(),
                _ => {}
            }
        }
    }
    total_bytes
}

/// Removes a directory with everything in it. A directory that is gone is success.
pub(super) fn remove_dir(dir: &Path) -> Result<(), RunnerError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", dir)(error)),
        _ => Ok(()),
    }
}
