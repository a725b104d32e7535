//! The header of a new entry in a canonical tar.

use std::collections::BTreeMap;

use super::WHITEOUT_PREFIX;
use super::new_entry::NewEntry;
use crate::RootfsError;
use crate::error::bad_entry;
use tarball::Header;
use trees::entry::Kind;
use trees::path::{self, split};

/// Checks that the name of an entry has no special meaning in a tar.
pub(super) fn check_name(new: &NewEntry) -> Result<(), RootfsError> {
    path::check(&new.path)?;
    match split(&new.path) {
        None if !new.entry.is_dir() => Err(bad_entry(b"", "the root can only be a directory")),
        Some((_, name)) if name.starts_with(WHITEOUT_PREFIX) => Err(bad_entry(
            &new.path,
            "a layer cannot hold a file whose name starts with \".wh.\": it would remove another",
        )),
        _ => Ok(()),
    }
}

/// Returns the name of a directory in a tar.
pub(super) fn directory_name(path: &[u8]) -> Vec<u8> {
    if path.is_empty() { b"./".to_vec() } else { [path, b"/"].concat() }
}

/// Returns the header of `new` under `name`. The length of a file and the target of a hard link are not set.
pub(super) fn header_of<'a>(new: &'a NewEntry, name: &'a [u8]) -> Header<'a> {
    let none = (b"" as &[u8], (0, 0));
    let (typeflag, (link, device)) = match &new.entry.kind {
        Kind::Directory { .. } => (b'5', none),
        Kind::Symlink { target } => (b'2', (path::to_bytes(target), (0, 0))),
        Kind::CharDevice { major, minor } => (b'3', (none.0, (*major, *minor))),
        Kind::BlockDevice { major, minor } => (b'4', (none.0, (*major, *minor))),
        Kind::Fifo => (b'6', none),
        Kind::File { .. } | Kind::Hardlink { .. } | Kind::Whiteout => (b'0', none),
    };
    let entry = &new.entry;
    // Linux gives all symlinks one mode.
    let mode = if typeflag == b'2' { 0o777 } else { entry.mode & 0o7777 };
    let (uid, gid, mtime, xattrs) = (entry.uid, entry.gid, new.written_mtime(), &entry.xattrs);
    Header { name, typeflag, mode, uid, gid, size_bytes: 0, mtime, link, device, xattrs }
}

/// Returns the header of a whiteout, or of the marker of an opaque directory.
pub(super) fn marker_header(name: &[u8]) -> Header<'_> {
    static NO_XATTRS: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    Header {
        name,
        typeflag: b'0',
        mode: 0,
        uid: 0,
        gid: 0,
        size_bytes: 0,
        mtime: 0,
        link: b"",
        device: (0, 0),
        xattrs: &NO_XATTRS,
    }
}
