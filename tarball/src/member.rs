//! One member of a tar: everything that its headers say, merged from ustar, PAX and GNU extensions.

use std::collections::BTreeMap;

use crate::Timestamp;

/// One member of a tar, as its headers describe it.
#[derive(Debug, Clone, Default)]
pub struct Member {
    /// Name as written in the tar; it can be absolute and can contain `..`.
    pub name: Vec<u8>,
    /// Type of the entry: `b'0'` for every kind of regular file, `b'1'` to `b'6'` for the others.
    pub typeflag: u8,
    /// Permission bits with set-uid, set-gid and sticky: 0 to 0o7777.
    pub mode: u32,
    /// User ID of the owner.
    pub uid: u32,
    /// Group ID of the owner.
    pub gid: u32,
    /// Modification time, with the fraction of a PAX record if there is one.
    pub mtime: Timestamp,
    /// Target of a hard or symbolic link as written; empty for other types.
    pub link: Vec<u8>,
    /// Major and minor number of a device; 0 for other types.
    pub device: (u32, u32),
    /// Extended attributes by name, without the private ones of overlayfs.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Length of a regular file, holes included; 0 for other types.
    pub size_bytes: u64,
    /// Offset of the member's data in the tar.
    pub offset: u64,
    /// Parts of a sparse file that are stored in the tar, in order and without gaps between them there. `None` for a
    /// file that is not sparse.
    pub sparse: Option<Vec<Extent>>,
    /// Number of bytes stored in the tar from `offset` on: `size_bytes` unless the file is sparse.
    pub stored_bytes: u64,
}

/// Part of a sparse file that is stored in the tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Offset of the part in the file.
    pub at: u64,
    /// Length of the part in bytes; a map can end with a part of length 0.
    pub length: u64,
}
