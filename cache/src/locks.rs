//! Locks between processes and threads.
//!
//! All are `flock`s of a file opened for the purpose: they belong to that opening, so threads exclude each other too,
//! and the kernel releases them when the last process that has it dies. No lock file is ever stale.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files::At;
use crate::{Key, Store, StoreError};

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// With others.
    Shared,
    /// Alone.
    Exclusive,
}

/// Waits for a lock.
pub(crate) fn lock(file: &File, mode: Mode) -> io::Result<()> {
    loop {
        let locked = match mode {
            Mode::Shared => file.lock_shared(),
            Mode::Exclusive => file.lock(),
        };
        match locked {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Takes a lock if that is possible now.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Opens a lock file, made if absent, and waits for the lock.
pub(crate) fn lock_file(path: &Path, mode: Mode) -> Result<File, StoreError> {
    let file = open_lock_file(path)?;
    lock(&file, mode).at("lock", path)?;
    Ok(file)
}

/// Opens a lock file, made if absent.
pub(crate) fn open_lock_file(path: &Path) -> Result<File, StoreError> {
    File::options().read(true).write(true).create(true).truncate(false).open(path).at("open", path)
}

/// True if `path` still names the file that was opened.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Held while this process runs the step with a key; others wait for it and then find the record.
#[derive(Debug)]
pub struct StepLock {
    path: PathBuf,
    _file: File,
}

impl Drop for StepLock {
    fn drop(&mut self) {
        // While it is still locked: whoever waits for this file finds that it has lost its name, and opens a new one.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Store {
    /// Waits until no other process (or thread) runs the step with this key.
    pub fn lock_step(&self, key: &Key) -> Result<StepLock, StoreError> {
        let path = self.root().join("steps").join(key.to_string());
        loop {
            let file = lock_file(&path, Mode::Exclusive)?;
            if is_at(&file, &path).at("stat", &path)? {
                return Ok(StepLock { path, _file: file });
            }
        }
    }
}
