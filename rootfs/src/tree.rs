//! A read-only view of files.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cache::Key;

use crate::entry::Entry;

/// Files to copy from, look things up in, or lay changes upon.
///
/// Paths are relative to the root, without `.` and `..`; the root is the empty path. No method follows a symbolic
/// link, in any component: a path through one is not found. [`resolve`] does the following, inside the tree.
pub trait Tree: Send + Sync {
    /// What `path` is; `None` if there is nothing.
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>>;

    /// The names in a directory and what they are, in order of their bytes.
    fn children(&self, path: &Path) -> io::Result<Vec<(OsString, Entry)>>;

    /// Opens a regular file.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// The blake3 of a regular file's content.
    fn content(&self, path: &Path) -> io::Result<Key>;

    /// Tells hard links apart: two paths with the same number are one file. `None` if it has one name only.
    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        let _ = path;
        Ok(None)
    }
}

/// The most links that [`resolve`] follows.
pub const MAX_LINKS: usize = 255;

/// The path that `path` leads to when symbolic links are followed inside `tree` (absolute targets start at its
/// root, `..` does not leave it). Components that do not exist are kept. `follow_last`: whether a link in the last
/// component is followed too. `ELOOP` after [`MAX_LINKS`].
pub fn resolve(_tree: &dyn Tree, _path: &Path, _follow_last: bool) -> io::Result<PathBuf> {
    unimplemented!()
}

/// An empty tree: `FROM scratch`.
#[derive(Debug, Clone, Copy)]
pub struct Scratch;

impl Tree for Scratch {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        Ok(path.as_os_str().is_empty().then(|| Entry::directory(0o755)))
    }

    fn children(&self, _path: &Path) -> io::Result<Vec<(OsString, Entry)>> {
        Ok(Vec::new())
    }

    fn open(&self, _path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn content(&self, _path: &Path) -> io::Result<Key> {
        Err(io::ErrorKind::NotFound.into())
    }
}
