//! Changes on top of a tree, collected in memory before they become a layer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::RootfsError;
use crate::entry::Entry;
use crate::tree::Tree;

/// Where the bytes of a file come from.
#[derive(Clone)]
pub enum Content {
    /// Here.
    Bytes(Arc<[u8]>),
    /// A file of a tree, read when the layer is written; `digest` is what was hashed for the key, and checked again.
    Tree {
        /// The tree.
        tree: Arc<dyn Tree>,
        /// The file in it.
        path: PathBuf,
        /// The blake3 that its bytes must have; `None` where none was taken.
        digest: Option<cache::Key>,
    },
    /// Part of an open file (an unpacked archive).
    Range {
        /// The file.
        file: Arc<File>,
        /// First byte.
        offset: u64,
    },
}

/// A set of changes on top of `base`. It is itself a [`Tree`]: base and changes as one.
pub struct Diff {}

impl Diff {
    /// No change on top of `base`.
    pub fn new(_base: Arc<dyn Tree>) -> Self {
        unimplemented!()
    }

    /// Makes `path` what `entry` says, in place of whatever is there (a directory is replaced with all below it,
    /// unless `entry` is a directory too: then its metadata is replaced and what is below stays). Its parent must be
    /// a directory (links already resolved) and is recorded with the metadata it has.
    /// `content` is needed for a regular file of more than 0 bytes, and for nothing else.
    pub fn put(&mut self, _path: &Path, _entry: Entry, _content: Option<Content>) -> Result<(), RootfsError> {
        unimplemented!()
    }

    /// Makes `path` another name of the regular file `first`, which must be a change of this diff.
    pub fn link(&mut self, _path: &Path, _first: &Path) -> Result<(), RootfsError> {
        unimplemented!()
    }

    /// Takes `path` away, with all below it.
    pub fn remove(&mut self, _path: &Path) -> Result<(), RootfsError> {
        unimplemented!()
    }
}
