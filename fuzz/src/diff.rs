//! Changes on top of layers: a diff, its layer, and the diff of the diff.
//!
//! The input describes the members of a base layer, and changes ([`change`]).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::Store;
use rootfs::diff::{Content, Diff};
use rootfs::layers::Layers;
use trees::entry::{Entry, Kind, Timestamp};
use trees::tree::Tree;

use crate::scratch::Scratch;
use crate::{members, tree};

/// Names of which the paths of changes are made, so that they meet the ones of the base.
const NAMES: [&str; 6] = ["a", "b", "c", "dir", "link", "new"];

/// Checks these properties:
///
/// - The layer that is made of a diff, put on its base, shows what the diff shows.
/// - The same changes give the same layer.
/// - A change that is refused leaves the diff as it was.
pub fn check(input: &[u8]) {
    let scratch = Scratch::new();
    let layers = Layers::new(Arc::new(Store::open(scratch.path()).expect("a new store opens")));
    let (base, changes) = input.split_at(input.len() / 2);
    let base: Vec<_> = layers.import(&mut &members::tar(base)[..], None).into_iter().collect();
    let make = || {
        let mut diff = Diff::new(layers.view(&base).expect("an imported layer has a view"));
        for bytes in changes.chunks_exact(4).take(64) {
            change(&mut diff, bytes.try_into().expect("chunks of four bytes"));
        }
        diff
    };
    let shown = tree::flat(&make());
    let layer = layers.commit(make()).expect("a diff becomes a layer");
    assert_eq!(layers.commit(make()).expect("as before"), layer);
    let stack = [&base[..], &[layer]].concat();
    let committed = tree::flat(&*layers.view(&stack).expect("a stack has a view"));
    assert_eq!(committed, shown);
}

/// Makes one change: a file, a directory, a symlink, a hard link or a removal.
fn change(diff: &mut Diff, [kind, path, other, value]: [u8; 4]) {
    let (path, other) = (self::path(path), self::path(other));
    if !has_directory(diff, &path) {
        return;
    }
    let content = vec![value; usize::from(value) * 5];
    let entry = |kind| Entry {
        kind,
        mode: u32::from(value) << 4,
        uid: u32::from(value % 4),
        mtime: Timestamp { seconds: i64::from(value), nanoseconds: 0 },
        ..Entry::directory(0)
    };
    let result = match kind % 6 {
        0 => diff.put(&path, entry(Kind::Directory { opaque: false }), None),
        1 => diff.put(&path, entry(Kind::Directory { opaque: true }), None),
        2 => diff.put(&path, Entry { mode: 0o777, ..entry(Kind::Symlink { target: other }) }, None),
        3 => diff.link(&path, &other),
        4 => diff.remove(&path),
        _ => {
            let size_bytes = content.len() as u64;
            let content = (size_bytes > 0).then(|| Content::Bytes(content.into()));
            diff.put(&path, entry(Kind::File { size_bytes }), content)
        }
    };
    // A hard link to something that is not a new file is refused.
    assert!(result.is_ok() || kind % 6 == 3, "{path:?}: {result:?}");
}

fn path(value: u8) -> PathBuf {
    let value = usize::from(value);
    [value % 6, value / 6 % 6, value / 36 % 6][..=value % 3].iter().map(|at| NAMES[*at]).collect()
}

/// Reports whether the directory that a change needs exists.
fn has_directory(diff: &Diff, path: &Path) -> bool {
    let parent = path.parent().expect("a path has at least one name");
    parent.as_os_str().is_empty()
        || diff.lookup(parent).expect("a diff can be read").is_some_and(|entry| entry.is_dir())
}
