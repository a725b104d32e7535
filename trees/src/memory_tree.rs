//! A tree in memory, for the tests of this crate and (feature `testing`) of the crates above it.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::ContentDigest;

use crate::entry::{Entry, Kind};
use crate::tree::{Child, Tree};

/// Tree in memory: entries by path, with the content of files.
#[derive(Clone)]
pub struct MemoryTree(BTreeMap<PathBuf, (Entry, Arc<[u8]>)>);

impl Default for MemoryTree {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryTree {
    /// Returns a tree with an empty root.
    pub fn new() -> Self {
        Self(BTreeMap::from([(PathBuf::new(), (Entry::directory(0o755), Arc::default()))]))
    }

    /// Adds any kind of entry. Missing parents become directories.
    pub fn put(mut self, path: &str, entry: Entry, content: &[u8]) -> Self {
        for parent in Path::new(path).ancestors().skip(1) {
            self.0.entry(parent.to_owned()).or_insert_with(|| (Entry::directory(0o755), Arc::default()));
        }
        self.0.insert(path.into(), (entry, content.into()));
        self
    }

    /// Adds a directory of mode 0755.
    pub fn dir(self, path: &str) -> Self {
        self.put(path, Entry::directory(0o755), b"")
    }

    /// Adds a regular file of mode 0644.
    pub fn file(self, path: &str, content: &[u8]) -> Self {
        let kind = Kind::File { size_bytes: content.len() as u64 };
        self.put(path, Entry { kind, ..Entry::directory(0o644) }, content)
    }

    /// Adds a symlink to `target`.
    pub fn link(self, path: &str, target: &str) -> Self {
        let kind = Kind::Symlink { target: target.into() };
        self.put(path, Entry { kind, ..Entry::directory(0o777) }, b"")
    }
}

impl Tree for MemoryTree {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        Ok(self.0.get(path).map(|(entry, _)| entry.clone()))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        let below = self.0.iter().filter(|(at, _)| at.parent() == Some(path));
        let child = |(at, (entry, _)): (&PathBuf, &(Entry, _))| Child {
            name: at.file_name().expect("it has a parent").to_owned(),
            entry: entry.clone(),
            content: None,
        };
        Ok(below.map(child).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        match self.0.get(path) {
            Some((Entry { kind: Kind::File { .. }, .. }, content)) => {
                Ok(Box::new(Cursor::new(Arc::clone(content))))
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        self.0
            .get(path)
            .map(|(_, content)| ContentDigest::of(content))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
