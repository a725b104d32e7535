//! Replacing what is at the place of a copy.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::AtFlags;
use trees::dir_tree::read_entry;
use trees::safe_path::proc_path;

use crate::RunnerError;
use crate::error::io_error;

/// Reports whether a name is a directory; `None` if it does not exist.
pub(super) fn kind_of(dir: &OwnedFd, name: &OsStr) -> Option<bool> {
    let (entry, _) = read_entry(dir, name).ok().flatten()?;
    Some(entry.is_dir())
}

/// Removes what is in place of a copy.
pub(super) fn remove(dir: &OwnedFd, name: &OsStr, is_present: Option<bool>) -> Result<(), RunnerError> {
    let failed = io_error("replace", Path::new(name));
    match is_present {
        None => Ok(()),
        Some(false) => {
            rustix::fs::unlinkat(dir, name, AtFlags::empty()).map_err(|error| failed(error.into()))
        }
        Some(true) => std::fs::remove_dir_all(proc_path(dir.as_fd(), name)).map_err(failed),
    }
}
