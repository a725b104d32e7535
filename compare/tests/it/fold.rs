//! Directories that were added or removed as a whole.

use compare::{compare_files, fold};
use trees::memory_tree::MemoryTree;

#[track_caller]
fn check(before: &MemoryTree, after: &MemoryTree, expected: &[(&str, u64, u64, u64)]) {
    let found = compare_files(before, after).expect("read");
    let rows = fold(&found.changes);
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.change.path.to_str().expect("UTF-8"), row.below, row.before_bytes, row.after_bytes))
        .collect();
    assert_eq!(rows, expected);
}

#[test]
fn only_whole_directories_are_folded() {
    let before = MemoryTree::new().file("lib/old/a", b"12").file("lib/old/b/c", b"1").file("etc/a", b"1");
    let after = MemoryTree::new().file("etc/a", b"22").file("lib/new/x", b"123").file("lib/newer", b"1");
    check(
        &before,
        &after,
        &[("etc/a", 0, 1, 2), ("lib/new", 1, 0, 3), ("lib/newer", 0, 0, 1), ("lib/old", 3, 3, 0)],
    );
}
