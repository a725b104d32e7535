//! The file `reserve`: room for a small file on a full disk, so that an image can always be removed.
//!
//! On a full disk the reserve itself becomes the new file: it is written over and renamed. That takes neither blocks nor
//! an inode, so it also works where only the inodes are used up.
//!
//! Concurrency: whoever writes to the reserve holds its `flock`. A process that got the lock of a reserve that has
//! another name by now leaves it alone.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::FallocateFlags;

use crate::StoreError;
use crate::files::{IoContext, open_existing, open_or_create, rename, replace, sync_parent, unlink};
use crate::locks::{Mode as LockMode, is_at, lock, open_lock_file, try_lock};
use crate::session::Session;

/// Size of the file, enough for the names of some hundred images.
const RESERVE_BYTES: u64 = 256 * 1024;

/// Replaces a file durably. On a full disk it spends the reserve.
pub(crate) fn replace_file(session: &Session, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let root = session.root();
    let mut written = session.tmp_path().and_then(|tmp| replace(path, &tmp, bytes, true));
    if written.as_ref().is_err_and(StoreError::is_no_space) && spend(root, path, bytes)? {
        written = Ok(());
    }
    // The list before the last change has given its inode back, so that the reserve is there for the next removal.
    renew(root);
    written
}

/// Opens a lock file, and creates it if needed. Where no inode is left for it, it gets the one of the reserve.
pub(crate) fn open_lock(root: &Path, path: &Path) -> Result<File, StoreError> {
    match open_lock_file(path) {
        Err(error) if error.is_no_space() && unlink(&root.join("reserve")).is_ok() => open_lock_file(path),
        opened => opened,
    }
}

/// Sets the reserve aside, unless it exists or there is no room for it.
pub(crate) fn renew(root: &Path) {
    let path = root.join("reserve");
    if path.symlink_metadata().is_ok_and(|metadata| metadata.len() >= RESERVE_BYTES) {
        return;
    }
    let Ok(file) = open_or_create(&path) else { return };
    if try_lock(&file).unwrap_or(false)
        && rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES).is_err()
    {
        let _ = unlink(&path);
    }
}

/// Writes `bytes` over the reserve and makes it the file `path`. Returns `false` if the reserve is spent already.
fn spend(root: &Path, path: &Path, bytes: &[u8]) -> Result<bool, StoreError> {
    let reserve = root.join("reserve");
    let Ok(file) = open_existing(&reserve) else { return Ok(false) };
    lock(&file, LockMode::Exclusive).at("lock", &reserve)?;
    if !is_at(&file, &reserve).at("stat", &reserve)? {
        return Ok(false);
    }
    write_over(&file, bytes).at("write", &reserve)?;
    rename(&reserve, path).at("rename", path)?;
    sync_parent(path)?;
    Ok(true)
}

fn write_over(file: &File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}
