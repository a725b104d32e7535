//! Content of files that are to become part of a layer: only named here, and read when the layer is written.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::FileRange;
use trees::sparse::{Dense, SparseRead};
use trees::tree::Tree;

/// Source of the bytes of a regular file.
#[derive(Clone)]
pub enum Content {
    /// Bytes that are in memory already.
    Bytes(Arc<[u8]>),
    /// A file of a tree, which is opened when the layer is written.
    Tree {
        /// Tree that has the file.
        tree: Arc<dyn Tree>,
        /// Path of the file in the tree.
        path: PathBuf,
        /// The blake3 that went into the key of a step. Writing the layer fails with [`Changed`] if the bytes have
        /// another one. `None` if the file was not hashed before.
        ///
        /// [`Changed`]: trees::TreeError::Changed
        digest: Option<cache::ContentDigest>,
    },
    /// Part of an open file, such as a member of an archive that ADD unpacks.
    Range {
        /// Open file that has the bytes.
        file: Arc<File>,
        /// Offset of the first byte.
        offset: u64,
    },
}

impl Content {
    /// Returns the content of the file at `path` in `tree`. `digest` is the blake3 that its bytes must have.
    pub(crate) fn of_tree(tree: &Arc<dyn Tree>, path: &Path, digest: Option<cache::ContentDigest>) -> Self {
        Self::Tree { tree: Arc::clone(tree), path: path.to_owned(), digest }
    }

    /// Opens the content of a file whose length is `size_bytes`.
    pub(crate) fn open(&self, size_bytes: u64) -> io::Result<Box<dyn SparseRead>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(Dense(io::Cursor::new(Arc::clone(bytes)))),
            Self::Tree { tree, path, .. } => tree.open_sparse(path)?,
            Self::Range { file, offset } => Box::new(FileRange::new(Arc::clone(file), *offset, size_bytes)),
        })
    }
}
