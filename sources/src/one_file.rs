//! A blob of the store as a tree with one file: a download that a step copies.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use cache::{ContentDigest, Store};
use oci::Digest;
use trees::entry::{Entry, Kind, Timestamp};
use trees::tree::{Child, Tree};

/// Mode of a downloaded file, as in BuildKit.
const MODE: u32 = 0o600;

/// A tree whose root directory holds one file, which is a blob of the store.
#[derive(Debug, Clone)]
pub struct FileTree {
    /// Store that holds the blob.
    pub store: Arc<Store>,
    /// Name of the file in the tree.
    pub name: OsString,
    /// Digest of the blob.
    pub digest: Digest,
    /// blake3 of the content, which steps have in their keys.
    pub content: ContentDigest,
    /// Size of the file in bytes.
    pub size_bytes: u64,
    /// Modification time of the file, in seconds since 1970.
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
        if path.as_os_str().is_empty() {
            return Ok(Some(Entry::directory(0o755)));
        }
        Ok(self.is_file(path).then(|| self.entry()))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        if !path.as_os_str().is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(vec![Child { name: self.name.clone(), entry: self.entry(), content: Some(self.content) }])
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        if !self.is_file(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(self.store.open_blob(&self.digest).map_err(io::Error::other)?))
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        self.known_content(path).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn known_content(&self, path: &Path) -> Option<ContentDigest> {
        self.is_file(path).then_some(self.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_has_one_file_and_nothing_else() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let store = Arc::new(Store::open(&root.path().join("store")).expect("a store"));
        let digest = store.put_blob(b"text").expect("stored");
        let name = OsString::from("f");
        let tree =
            FileTree { store, name, digest, content: ContentDigest::of(b"text"), size_bytes: 4, mtime_s: 7 };
        let lookup = |path: &str| tree.lookup(Path::new(path)).expect("looked up");
        assert!(lookup("").is_some_and(|entry| entry.is_dir()));
        let entry = lookup("f").expect("the file");
        assert_eq!((entry.mode, entry.uid, entry.mtime.seconds), (0o600, 0, 7));
        assert_eq!(
            tree.children(Path::new("")).expect("listed"),
            [Child { name: "f".into(), entry, content: Some(ContentDigest::of(b"text")) }]
        );
        let mut text = String::new();
        tree.open(Path::new("f")).expect("opened").read_to_string(&mut text).expect("read");
        assert_eq!(text, "text");
        assert!(["g", "f/x"].iter().all(|path| lookup(path).is_none()));
        assert!(tree.open(Path::new("")).is_err() && tree.children(Path::new("f")).is_err());
    }
}
