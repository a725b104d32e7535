//! The directories and files of containers: where they are, and how documents are read and written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cache::{CONTAINER_ROOT_PREFIX, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RunnerError;
use crate::error::io_error;

/// Returns the directory of all containers, creating it if needed.
pub(super) fn containers_dir(store: &Store) -> Result<PathBuf, RunnerError> {
    let dir = store.root().join("containers");
    fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
    Ok(dir)
}

/// Lists the directories in the directory of all containers, in no order.
pub(super) fn container_dirs(containers: &Path) -> Result<Vec<PathBuf>, RunnerError> {
    let entries = fs::read_dir(containers).map_err(io_error("read", containers))?;
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

/// Waits for the lock that is held while a container is created. Dropping the file releases it.
pub(super) fn lock_containers(store: &Store) -> Result<File, RunnerError> {
    let path = containers_dir(store)?.join(".lock");
    let lock = File::create(&path).map_err(io_error("create", &path))?;
    lock.lock().map_err(io_error("lock", &path))?;
    Ok(lock)
}

/// Returns the name of a container's root.
pub(super) fn root_name(id: &str) -> String {
    format!("{CONTAINER_ROOT_PREFIX}{id}")
}

/// Returns whether a monitor holds the lock of the container in `dir`.
pub(super) fn is_locked(dir: &Path) -> bool {
    File::open(dir.join("lock")).is_ok_and(|lock| lock.try_lock_shared().is_err())
}

/// Reads a document; `None` if it is absent, damaged or of another version.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a document durably, and so that a reader sees all of it or nothing.
pub(super) fn save(dir: &Path, name: &str, document: &impl Serialize) -> Result<(), RunnerError> {
    let (path, tmp) = (dir.join(name), dir.join(format!(".{name}.tmp")));
    let bytes = serde_json::to_vec_pretty(document).expect("a document is plain data");
    let write = || -> io::Result<()> {
        let mut file = File::create(&tmp)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&tmp, &path)
    };
    write().map_err(io_error("write", &path))
}

/// Removes a directory with everything in it. A directory that is gone is success.
pub(super) fn remove_dir(dir: &Path) -> Result<(), RunnerError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", dir)(error)),
        _ => Ok(()),
    }
}
