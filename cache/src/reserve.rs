//! The file `reserve`: room for a small file on a full disk, so that an image can always be removed.

use std::path::Path;

use rustix::fs::Mode;

use crate::StoreError;
use crate::files::{create_new, replace, unlink};
use crate::session::Session;

/// Size of the file, enough for the names of some hundred images.
const RESERVE_BYTES: u64 = 256 * 1024;

/// Replaces a file durably. On a full disk it spends the reserve to make room.
pub(crate) fn replace_file(session: &Session, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let write = || replace(path, &session.tmp_path()?, bytes, true);
    match write() {
        Err(error) if error.is_no_space() && spend(session.root()) => write(),
        written => {
            renew(session.root());
            written
        }
    }
}

/// Sets the reserve aside, unless it exists or there is no room for it.
pub(crate) fn renew(root: &Path) {
    let path = root.join("reserve");
    let Ok(file) = create_new(&path, Mode::RUSR | Mode::WUSR) else { return };
    let flags = rustix::fs::FallocateFlags::empty();
    if rustix::fs::fallocate(&file, flags, 0, RESERVE_BYTES).is_err() {
        let _ = unlink(&path);
    }
}

/// Gives the reserve back to the file system. Returns `false` if it is spent already.
fn spend(root: &Path) -> bool {
    unlink(&root.join("reserve")).is_ok()
}
