//! What a path is.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Seconds and nanoseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds, negative before 1970.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// What a path is, apart from the content of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What kind of thing.
    pub kind: Kind,
    /// Permission bits and set-uid, set-gid, sticky: 0 to 0o7777.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time.
    pub mtime: Timestamp,
    /// Extended attributes by name: `security.capability`, `user.*`, ... never overlayfs' own.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What kind of thing a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory. `opaque`: hides what lower layers have below it (in layers only).
    Directory {
        /// Hides lower layers.
        opaque: bool,
    },
    /// A regular file.
    File {
        /// Its length.
        size_bytes: u64,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, verbatim.
        target: PathBuf,
    },
    /// Another name of a regular file of the same layer (in layers only; trees show files).
    Hardlink {
        /// The first name, relative to the root.
        target: PathBuf,
    },
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// A name that lower layers have and this one removes (in layers only).
    Whiteout,
}

/// The only extended attribute of files that COPY and ADD keep, as BuildKit does.
const CAPABILITY: &[u8] = b"security.capability";

impl Entry {
    /// Returns the extended attributes that a copy of the entry keeps.
    pub fn kept_xattrs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let kept = self.xattrs.iter().filter(|(name, _)| *name == CAPABILITY);
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// True for a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Directory { .. })
    }

    /// A directory with this mode, of root, with no time.
    pub fn directory(mode: u32) -> Self {
        Self {
            kind: Kind::Directory { opaque: false },
            mode,
            uid: 0,
            gid: 0,
            mtime: Timestamp::default(),
            xattrs: BTreeMap::new(),
        }
    }
}
