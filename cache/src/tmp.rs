//! `tmp/`: directories of running processes, and what dead ones left there.
//!
//! A process owns `tmp/<random>/` for as long as it holds a `flock` on that directory, which the kernel releases when
//! the process dies. A process that gets the lock of another's directory therefore knows that the owner is dead.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::files::{IoContext, make_dir, names_in, open_dir, rename};
use crate::locks::try_lock;
use crate::tree::remove_tree;

/// Source of random bytes that messages name.
const RANDOM: &str = "/dev/urandom";

/// A leftover of a dead process: its path, and its lock where it is a directory that could be opened.
pub(crate) type Leftover = (PathBuf, Option<File>);

/// Creates a directory that only this user can enter.
pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    make_dir(path)
}

/// Creates a private directory unless it exists.
pub(crate) fn ensure_private_dir(path: &Path) -> Result<(), StoreError> {
    match make_private_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.at("make", path),
    }
}

/// Returns a file name of 128 random bits in hex. Random bytes come from a file on kernels before `getrandom`, and
/// wherever a filter refuses that call, so reading them can fail.
pub(crate) fn random_name() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    let cause = |error: getrandom::Error| match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other(error.to_string()),
    };
    getrandom::fill(&mut bytes).map_err(cause).at("read random bytes from", Path::new(RANDOM))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Returns a name for the directory of a process that has opened the store at this time, in milliseconds since 1970.
pub(crate) fn lease_name(opened_ms: u64) -> Result<String, StoreError> {
    Ok(format!("{opened_ms:012x}-{}", random_name()?))
}

/// Returns the time at which the oldest living process opened the store, as the names of their directories say. Returns
/// `None` if no process has one, and 0 for one of another version.
pub(crate) fn live_since_ms(root: &Path) -> Result<Option<u64>, StoreError> {
    let tmp = root.join("tmp");
    let mut oldest_ms = None;
    for name in names_in(&tmp)? {
        let is_live = open_dir(&tmp.join(&name)).is_ok_and(|dir| matches!(try_lock(&dir), Ok(false)));
        if is_live {
            let opened = name.split_once('-').and_then(|(time, _)| u64::from_str_radix(time, 16).ok());
            oldest_ms = Some(oldest_ms.unwrap_or(u64::MAX).min(opened.unwrap_or(0)));
        }
    }
    Ok(oldest_ms)
}

/// Removes a tree in two steps, so that nobody ever sees half of it: moves it to `tmp/`, then takes it apart. A tree
/// that does not exist is success. Parts that cannot be removed stay in `tmp/` as a leftover.
pub(crate) fn discard(root: &Path, path: &Path) -> Result<(), StoreError> {
    let away = root.join("tmp").join(random_name()?);
    match rename(path, &away) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        moved => moved.at("move away", path)?,
    }
    let _ = remove_tree(&away);
    Ok(())
}

/// Finds what dead processes left in `tmp/`. Costs one `readdir` if there is nothing.
pub(crate) fn leftovers(root: &Path) -> Result<Vec<Leftover>, StoreError> {
    let tmp = root.join("tmp");
    let mut dead = Vec::new();
    for name in names_in(&tmp)? {
        let path = tmp.join(name);
        match open_dir(&path) {
            Ok(dir) => {
                if matches!(try_lock(&dir), Ok(true)) {
                    dead.push((path, Some(dir)));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Not a directory, or one that a dead container has made unreadable.
            Err(_) => dead.push((path, None)),
        }
    }
    Ok(dead)
}

/// Removes what dead processes left. Parts that this user cannot remove stay for a user with more rights.
pub(crate) fn clear(dead: Vec<Leftover>) {
    for (path, _lock) in dead {
        let _ = remove_tree(&path);
    }
}
