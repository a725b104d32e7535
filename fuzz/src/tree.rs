//! Trees as maps, to compare them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use trees::entry::{Entry, Kind};
use trees::tree::Tree;

/// Every path of a tree with its metadata and, for files, its content.
pub type Flat = BTreeMap<PathBuf, (Entry, Vec<u8>)>;

/// Reads a whole tree. Checks on the way that listing, lookup and content of the tree agree, and that every path stays
/// below the root.
pub fn flat(tree: &dyn Tree) -> Flat {
    let mut all = BTreeMap::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(directory) = pending.pop() {
        for child in tree.children(&directory).expect("a directory can be listed") {
            let path = directory.join(&child.name);
            assert!(path.components().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
            let found = tree.lookup(&path).expect("a path can be looked up");
            assert_eq!(found.as_ref(), Some(&child.entry), "{path:?}");
            let content = content(tree, &path, &child.entry);
            if child.entry.is_dir() {
                pending.push(path.clone());
            }
            all.insert(path, (child.entry, content));
        }
    }
    all
}

/// Checks that two trees are the same, and names the first path that differs.
#[track_caller]
pub fn assert_same(left: &Flat, right: &Flat) {
    let paths = |tree: &Flat| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(left), paths(right));
    for (path, (entry, content)) in left {
        let (other, other_content) = &right[path];
        assert_eq!(entry, other, "{path:?}");
        assert!(content == other_content, "the content of {path:?}");
    }
}

fn content(tree: &dyn Tree, path: &Path, entry: &Entry) -> Vec<u8> {
    let Kind::File { size_bytes } = entry.kind else { return Vec::new() };
    let mut bytes = Vec::new();
    tree.open(path).expect("a file opens").read_to_end(&mut bytes).expect("a file can be read");
    assert_eq!(bytes.len() as u64, size_bytes, "{path:?}");
    assert_eq!(
        tree.content(path).expect("a file has a digest"),
        cache::ContentDigest::of(&bytes),
        "{path:?}"
    );
    bytes
}
