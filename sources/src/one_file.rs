//! A blob of the store as a tree of one file.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use cache::{Key, Store};
use oci::Digest;
use rootfs::entry::{Entry, Kind, Timestamp};
use rootfs::tree::{Child, Tree};

/// The mode of a file that was downloaded.
const MODE: u32 = 0o600;

/// One file in a folder.
#[derive(Debug, Clone)]
pub struct FileTree {
    /// Where the blob is.
    pub store: Arc<Store>,
    /// The name of the file.
    pub name: OsString,
    /// The blob.
    pub digest: Digest,
    /// The blake3 of its content.
    pub content: Key,
    /// Its size.
    pub size_bytes: u64,
    /// Its modification time, in seconds since 1970.
    pub mtime_s: i64,
}

impl FileTree {
    fn entry(&self) -> Entry {
        Entry {
            kind: Kind::File { size_bytes: self.size_bytes },
            mode: MODE,
            mtime: Timestamp { seconds: self.mtime_s, nanoseconds: 0 },
            ..Entry::directory(MODE)
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        path.as_os_str() == self.name
    }
}

impl Tree for FileTree {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        Ok(match path.as_os_str().is_empty() {
            true => Some(Entry::directory(0o755)),
            false => self.is_file(path).then(|| self.entry()),
        })
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        match path.as_os_str().is_empty() {
            true => {
                Ok(vec![Child { name: self.name.clone(), entry: self.entry(), content: Some(self.content) }])
            }
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        match self.is_file(path) {
            true => Ok(Box::new(self.store.open_blob(&self.digest).map_err(io::Error::other)?)),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn content(&self, path: &Path) -> io::Result<Key> {
        self.known_content(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn known_content(&self, path: &Path) -> Option<Key> {
        self.is_file(path).then_some(self.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_and_nothing_else() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let store = Arc::new(Store::open(&root.path().join("store")).expect("a store"));
        let digest = store.put_blob(b"text").expect("stored");
        let name = OsString::from("f");
        let tree = FileTree { store, name, digest, content: Key::of(b"text"), size_bytes: 4, mtime_s: 7 };
        let lookup = |path: &str| tree.lookup(Path::new(path)).expect("looked up");
        assert!(lookup("").is_some_and(|entry| entry.is_dir()));
        let entry = lookup("f").expect("the file");
        assert_eq!((entry.mode, entry.uid, entry.mtime.seconds), (0o600, 0, 7));
        assert_eq!(
            tree.children(Path::new("")).expect("listed"),
            [Child { name: "f".into(), entry, content: Some(Key::of(b"text")) }]
        );
        let mut text = String::new();
        tree.open(Path::new("f")).expect("opened").read_to_string(&mut text).expect("read");
        assert_eq!(text, "text");
        assert!(["g", "f/x"].iter().all(|path| lookup(path).is_none()));
        assert!(tree.open(Path::new("")).is_err() && tree.children(Path::new("f")).is_err());
    }
}
