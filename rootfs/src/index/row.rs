//! One entry of a layer on its way into an index.

use std::collections::BTreeMap;

use tarball::Extent;
use trees::entry::{Entry, Kind};

/// Origin of a layer's tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The store wrote the tar: it is canonical, with clamped times.
    Made,
    /// The tar was pulled or imported, and is kept byte for byte.
    Imported,
}

/// One entry of a layer on its way into an index.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Path relative to the root; empty for the root itself.
    pub path: Vec<u8>,
    /// The entry with its real modification time. Each hard link to a file is a [`Kind::File`] here, never a
    /// [`Kind::Hardlink`].
    pub entry: Entry,
    /// Whether this is a directory that the layer does not describe, and that only leads to other entries.
    pub implied: bool,
    /// Number that all names of one file share; 0 for a file with one name.
    pub group: u32,
    /// Position of a file's bytes in the tar.
    pub stored: Stored,
}

/// Position of the bytes of a file in the tar.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    /// Offset of the first byte.
    pub offset: u64,
    /// The blake3 of the real content: holes filled, byte code with its real time.
    pub content: [u8; 32],
    /// Stored parts of a sparse file; `None` for other files.
    pub sparse: Option<Vec<Extent>>,
    /// Source time that Python byte code really carries, if the tar has a clamped one in its info; else `None`.
    pub pyc_mtime: Option<u32>,
}

impl Row {
    /// Returns the row of an entry that has no other name.
    ///
    /// The root always has the mode 0755 and no attributes, as in containers of Docker and containerd: there, the root
    /// of a container is a new directory, which has only the owner of the root in the layers.
    pub(crate) fn new(path: Vec<u8>, mut entry: Entry, stored: Stored) -> Self {
        if path.is_empty() {
            entry = Entry { mode: 0o755, xattrs: BTreeMap::new(), ..entry };
        }
        Self { path, entry, implied: false, group: 0, stored }
    }

    /// Returns the row of a directory that the layer does not describe.
    pub(crate) fn implied(path: &[u8]) -> Self {
        Self { implied: true, ..Self::new(path.to_vec(), Entry::directory(0o755), Stored::default()) }
    }

    /// Returns the row of a name that the layer removes.
    pub(crate) fn whiteout(path: Vec<u8>) -> Self {
        Self::new(path, Entry { kind: Kind::Whiteout, ..Entry::directory(0) }, Stored::default())
    }
}
