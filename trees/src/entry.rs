//! The metadata of a path: everything about it but the content of a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use tarball::Timestamp;

/// Metadata of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Kind of entry, with the values that only this kind has.
    pub kind: Kind,
    /// Permission bits with set-uid, set-gid and sticky: 0 to 0o7777.
    pub mode: u32,
    /// User ID of the owner.
    pub uid: u32,
    /// Group ID of the owner.
    pub gid: u32,
    /// Modification time, the real one where it is known.
    pub mtime: Timestamp,
    /// Extended attributes by name: `security.capability`, `user.*` and others, never overlayfs' own.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Directory, which can have entries in it.
    Directory {
        /// Whether it hides the content of the same directory in lower layers. Only layers have this; trees show
        /// `false`.
        opaque: bool,
    },
    /// Regular file with content.
    File {
        /// Length of the content, holes included.
        size_bytes: u64,
    },
    /// Symbolic link to a path.
    Symlink {
        /// Target exactly as the link has it: it can be relative, and can lead nowhere.
        target: PathBuf,
    },
    /// Another name of a regular file in the same layer. Only layers have this; trees show a file for each name.
    Hardlink {
        /// First name of the file, relative to the root.
        target: PathBuf,
    },
    /// Device file of a character device.
    CharDevice {
        /// Major device number, which selects the driver.
        major: u32,
        /// Minor device number, which selects the device.
        minor: u32,
    },
    /// Device file of a block device.
    BlockDevice {
        /// Major device number, which selects the driver.
        major: u32,
        /// Minor device number, which selects the device.
        minor: u32,
    },
    /// Named pipe (FIFO), which has no values of its own.
    Fifo,
    /// Name that this layer removes from lower layers. Only layers have this.
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

    /// Reports whether the entry is a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Directory { .. })
    }

    /// Returns a directory with this mode that belongs to root and has the time 0.
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

    /// Returns the entry as a tree shows it: no directory is opaque there.
    pub fn into_tree_entry(mut self) -> Self {
        if let Kind::Directory { opaque } = &mut self.kind {
            *opaque = false;
        }
        self
    }
}
