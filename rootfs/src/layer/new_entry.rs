//! An entry of a layer that is about to be written.

use crate::content::Content;
use crate::times::Clamp;
use trees::entry::{Entry, Kind};

/// Entry of a layer that is about to be written.
#[derive(Clone)]
pub(crate) struct NewEntry {
    /// Path relative to the root, clean; empty for the root itself.
    pub path: Vec<u8>,
    /// Metadata with the real time. A file's second and further names are [`Kind::Hardlink`]s to an entry that comes
    /// before them.
    pub entry: Entry,
    /// Content of a regular file; `None` for a file of 0 bytes and for other kinds.
    pub content: Option<Content>,
    /// Latest time that the tar keeps for this entry.
    pub clamp: Clamp,
}

impl NewEntry {
    /// Returns an entry. `content` is called for a regular file of more than 0 bytes only.
    pub(crate) fn new(path: &[u8], entry: Entry, content: impl FnOnce() -> Content, clamp: Clamp) -> Self {
        let has_content = matches!(entry.kind, Kind::File { size_bytes } if size_bytes > 0);
        Self { path: path.to_vec(), entry, content: has_content.then(content), clamp }
    }

    /// Returns the length of a regular file; 0 for other kinds.
    pub(super) fn size_bytes(&self) -> u64 {
        match self.entry.kind {
            Kind::File { size_bytes } => size_bytes,
            _ => 0,
        }
    }

    /// Returns the modification time that the tar has, in seconds since 1970.
    pub(super) fn written_mtime(&self) -> i64 {
        self.entry.mtime.seconds.min(self.clamp.0)
    }
}
