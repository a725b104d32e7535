//! Advisory file locks (`flock`) between processes and threads.
//!
//! A lock belongs to one opening of a file, so threads that open the file separately exclude each other too. The kernel
//! releases the lock when the last descriptor of that opening is closed, at the latest when its process dies. A lock is
//! therefore never stale, and nobody ever has to break one.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::StoreError;
use crate::files::{IoContext, open_file, open_or_create};

/// Kind of a lock: shared by many, or held by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Any number of holders at a time.
    Shared,
    /// One holder, and no shared ones.
    Exclusive,
}

/// Waits for a lock. On a file that is locked already, changes the mode; another process can get in between.
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

/// Takes an exclusive lock if nobody holds the file; returns whether it did.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    was_taken(file.try_lock())
}

/// Takes a shared lock if nobody holds an exclusive one; returns whether it did.
pub(crate) fn try_lock_shared(file: &File) -> io::Result<bool> {
    was_taken(file.try_lock_shared())
}

fn was_taken(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Opens a lock file, creating it if needed, and waits for the lock. Dropping the file releases it.
pub(crate) fn lock_file(path: &Path, mode: Mode) -> Result<File, StoreError> {
    let file = open_lock_file(path)?;
    lock(&file, mode).at("lock", path)?;
    Ok(file)
}

/// Opens a lock file, creating it if needed, without locking it.
///
/// A store on a read-only file system can be read, and locks on its files work.
pub(crate) fn open_lock_file(path: &Path) -> Result<File, StoreError> {
    match open_or_create(path) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => open_file(path),
        opened => opened,
    }
    .at("open", path)
}

/// Returns whether `path` still names the opened file. A lock on a file that was removed or replaced excludes nobody.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
