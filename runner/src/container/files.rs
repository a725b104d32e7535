//! The directories and files of containers: where they are, and how documents are read and written.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use cache::{CONTAINER_ROOT_PREFIX, Store};
use rustix::fs::OFlags;
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
    // The type of the entry itself: a symlink is no container.
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    Ok(entries.filter_map(Result::ok).filter(is_dir).map(|entry| entry.path()).collect())
}

/// Waits for the lock that is held while a container is created. Dropping the file releases it.
pub(super) fn lock_containers(store: &Store) -> Result<File, RunnerError> {
    let path = containers_dir(store)?.join(".lock");
    let lock = match open_lock(&path) {
        // No inode is left for the file, so nobody can hold it. Removal must work all the same.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => File::open(containers_dir(store)?),
        opened => opened,
    };
    let lock = lock.map_err(io_error("create", &path))?;
    lock.lock().map_err(io_error("lock", &path))?;
    Ok(lock)
}

/// Flags for files of the store, which somebody else can have put there, a restored CI cache for example: a symlink is
/// never followed, and a FIFO does not block.
const NO_FOLLOW: i32 = (OFlags::NOFOLLOW.bits() | OFlags::NONBLOCK.bits()).cast_signed();

/// Opens a file whose only purpose is its lock, creating it if needed. Its content is left alone.
pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    regular(File::options().write(true).create(true).truncate(false).custom_flags(NO_FOLLOW).open(path)?)
}

/// Opens a file for reading, if it exists.
pub(super) fn open_existing(path: &Path) -> io::Result<File> {
    regular(File::options().read(true).custom_flags(NO_FOLLOW).open(path)?)
}

/// Returns the file if it is a regular one.
fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Returns the name of a container's root.
pub(super) fn root_name(id: &str) -> String {
    format!("{CONTAINER_ROOT_PREFIX}{id}")
}

/// Returns whether a monitor holds the lock of the container in `dir`.
pub(super) fn is_locked(dir: &Path) -> bool {
    open_existing(&dir.join("lock")).is_ok_and(|lock| lock.try_lock_shared().is_err())
}

/// Reads a document; `None` if it is absent, damaged or of another version.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut bytes = Vec::new();
    open_existing(path).ok()?.read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Writes a document durably, and so that a reader sees all of it or nothing.
pub(super) fn save(dir: &Path, name: &str, document: &impl Serialize) -> Result<(), RunnerError> {
    let (path, tmp) = (dir.join(name), dir.join(format!(".{name}.tmp")));
    let bytes = serde_json::to_vec_pretty(document).expect("a document is plain data");
    let write = || -> io::Result<()> {
        // A process that was killed can have left one.
        let _ = fs::remove_file(&tmp);
        let mut file = File::options().write(true).create_new(true).open(&tmp)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
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
    // A failed attempt can have left its file.
    let _ = fs::remove_file(dir.join(format!(".{name}.tmp")));
    let bytes = serde_json::to_vec_pretty(document).expect("a document is plain data");
    let write = || -> io::Result<()> {
        let mut file = regular(File::options().write(true).custom_flags(NO_FOLLOW).open(&path)?)?;
        file.write_all(&bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
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
