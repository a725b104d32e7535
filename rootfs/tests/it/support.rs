//! A store for each test, and short forms for the content of trees.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use cache::Store;
use oci::DiffId;
use rootfs::diff::{Content, Diff};
use rootfs::layers::Layers;
use tempfile::TempDir;
use trees::entry::{Entry, Kind, Timestamp};
use trees::tree::{Child, Tree};

/// Store in a temporary directory.
pub struct TestEnv {
    pub layers: Layers,
    pub store: Arc<Store>,
    pub dir: TempDir,
}

impl TestEnv {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Arc::new(Store::open(&dir.path().join("store")).expect("a new store"));
        Self { layers: Layers::new(store.clone()), store, dir }
    }

    /// Returns the layers as another process would open them.
    pub fn reopened(&self) -> Layers {
        Layers::new(self.store.clone())
    }

    /// Returns an empty diff on top of `layers`.
    pub fn diff(&self, layers: &[DiffId]) -> Diff {
        Diff::new(self.layers.view(layers).expect("a view"))
    }

    /// Returns the bytes of a layer's tar.
    pub fn tar(&self, layer: &DiffId) -> Vec<u8> {
        std::fs::read(self.store.blob_path(&layer.0)).expect("the layer's tar")
    }
}

/// Returns a regular file with the mode 0644.
pub fn file(size: usize) -> Entry {
    Entry { kind: Kind::File { size_bytes: size as u64 }, mode: 0o644, ..Entry::directory(0) }
}

pub fn symlink(target: &str) -> Entry {
    Entry { kind: Kind::Symlink { target: target.into() }, mode: 0o777, ..Entry::directory(0) }
}

/// Returns the entry with another modification time.
pub fn at(entry: Entry, seconds: i64) -> Entry {
    Entry { mtime: Timestamp { seconds, nanoseconds: 5 }, ..entry }
}

pub fn put_file(diff: &mut Diff, path: &str, content: &str) {
    put_entry(diff, path, file(content.len()), content);
}

pub fn put_entry(diff: &mut Diff, path: &str, entry: Entry, content: &str) {
    let content = (!content.is_empty()).then(|| Content::Bytes(content.as_bytes().into()));
    diff.put(Path::new(path), entry, content).unwrap_or_else(|error| panic!("{path}: {error}"));
}

pub fn put_dir(diff: &mut Diff, path: &str) {
    put_entry(diff, path, Entry::directory(0o755), "");
}

pub fn read(tree: &dyn Tree, path: &str) -> String {
    let mut text = String::new();
    tree.open(Path::new(path)).expect("a file").read_to_string(&mut text).expect("its content");
    text
}

/// Returns everything in a tree: for each path, a line that describes the entry.
pub fn flat(tree: &dyn Tree) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut pending = vec![String::new()];
    while let Some(directory) = pending.pop() {
        for Child { name, entry, .. } in tree.children(Path::new(&directory)).expect("children") {
            let name = name.to_string_lossy();
            let path = if directory.is_empty() { name.into_owned() } else { format!("{directory}/{name}") };
            let found = tree.lookup(Path::new(&path)).expect("a lookup");
            assert_eq!(found.as_ref(), Some(&entry), "lookup and children agree on {path}");
            let shown = match &entry.kind {
                Kind::Directory { .. } => format!("dir {:o}", entry.mode),
                Kind::File { .. } => {
                    let content = read(tree, &path);
                    let digest = tree.content(Path::new(&path)).expect("a digest");
                    assert_eq!(digest, cache::ContentDigest::of(content.as_bytes()), "content of {path}");
                    format!("file {:o} {content}", entry.mode)
                }
                Kind::Symlink { target } => format!("link {}", target.display()),
                other => format!("{other:?}"),
            };
            if entry.is_dir() {
                pending.push(path.clone());
            }
            all.insert(path, shown);
        }
    }
    all
}
