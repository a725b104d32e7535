//! Helpers for the tests of this crate: a tree in memory, and a check whether EROFS images can be mounted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Key;

use crate::entry::{Entry, Kind};
use crate::erofs::image::image;
use crate::erofs::mount::mount;
use crate::index::{Index, Origin, Row};
use crate::tree::{Child, Tree};

/// Tree in memory: entries by path, with the content of files.
#[derive(Clone)]
pub(crate) struct MemoryTree(BTreeMap<PathBuf, (Entry, Arc<[u8]>)>);

impl MemoryTree {
    pub(crate) fn new() -> Self {
        Self(BTreeMap::from([(PathBuf::new(), (Entry::directory(0o755), Arc::default()))]))
    }

    /// Adds any kind of entry. Missing parents become directories.
    pub(crate) fn put(mut self, path: &str, entry: Entry, content: &[u8]) -> Self {
        for parent in Path::new(path).ancestors().skip(1) {
            self.0.entry(parent.to_owned()).or_insert_with(|| (Entry::directory(0o755), Arc::default()));
        }
        self.0.insert(path.into(), (entry, content.into()));
        self
    }

    pub(crate) fn dir(self, path: &str) -> Self {
        self.put(path, Entry::directory(0o755), b"")
    }

    pub(crate) fn file(self, path: &str, content: &[u8]) -> Self {
        let kind = Kind::File { size_bytes: content.len() as u64 };
        self.put(path, Entry { kind, ..Entry::directory(0o644) }, content)
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
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

    fn content(&self, path: &Path) -> io::Result<Key> {
        self.0.get(path).map(|(_, content)| Key::of(content)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Returns `None`, with the reason printed, where this process cannot mount an EROFS image.
#[expect(clippy::print_stdout, reason = "tests say why they are skipped")]
pub(crate) fn can_mount_erofs() -> Option<()> {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::build(vec![Row::implied(b"")], Origin::Made).unwrap();
    let tar = Arc::new(new_file(dir.path(), "tar", &[0; 1024]));
    let bytes = image(&index, &tar, [0; 16]).unwrap().unwrap();
    match mount(&new_file(dir.path(), "image", &bytes), &tar) {
        Ok(_) => Some(()),
        Err(error) => {
            println!("SKIP cannot mount a file as EROFS: {error}");
            None
        }
    }
}

/// Writes a file, and opens it for reading.
pub(crate) fn new_file(dir: &Path, name: &str, bytes: &[u8]) -> File {
    fs::write(dir.join(name), bytes).unwrap();
    File::open(dir.join(name)).unwrap()
}
