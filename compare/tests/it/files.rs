//! Files that differ between two trees.

use compare::{Change, FileChange, compare_files};
use trees::entry::{Entry, Kind, Timestamp};
use trees::memory_tree::MemoryTree;

/// Returns a change as one line: `+ path`, `- path`, `M path differences`.
fn line(change: &FileChange) -> String {
    let path = change.path.display();
    match change.change {
        Change::Added => format!("+ {path}"),
        Change::Removed => format!("- {path}"),
        Change::Changed => format!("M {path} {}", change.differs.join(",")),
    }
}

#[track_caller]
fn check(before: &MemoryTree, after: &MemoryTree, expected: &[&str]) {
    let found = compare_files(before, after).expect("trees in memory can be read");
    assert_eq!(found.changes.iter().map(line).collect::<Vec<_>>(), expected);
}

fn file(mode: u32, uid: u32, size_bytes: u64) -> Entry {
    Entry { kind: Kind::File { size_bytes }, uid, ..Entry::directory(mode) }
}

#[test]
fn every_kind_of_difference_is_named() {
    let device = |minor| Entry { kind: Kind::CharDevice { major: 1, minor }, ..Entry::directory(0o666) };
    let with_attribute =
        Entry { xattrs: [(b"security.capability".to_vec(), b"x".to_vec())].into(), ..file(0o755, 0, 1) };
    let before = MemoryTree::new()
        .file("content", b"one")
        .file("longer", b"a")
        .put("mode", file(0o644, 0, 1), b"a")
        .put("owner", file(0o644, 0, 1), b"a")
        .put("caps", file(0o755, 0, 1), b"a")
        .link("link", "a")
        .put("null", device(3), b"")
        .file("now-a-link", b"")
        .file("removed", b"")
        .file("same", b"same");
    let after = MemoryTree::new()
        .file("added", b"")
        .file("content", b"two")
        .file("longer", b"ab")
        .put("mode", file(0o755, 0, 1), b"a")
        .put("owner", file(0o600, 7, 1), b"a")
        .put("caps", with_attribute, b"a")
        .link("link", "b")
        .put("null", device(4), b"")
        .link("now-a-link", "x")
        .file("same", b"same");
    let expected = [
        "+ added",
        "M caps attributes",
        "M content content",
        "M link target",
        "M longer content",
        "M mode mode",
        "M now-a-link type,mode",
        "M null device",
        "M owner mode,owner",
        "- removed",
    ];
    check(&before, &after, &expected);
}

#[test]
fn times_do_not_count() {
    let mut newer = file(0o644, 0, 1);
    newer.mtime = Timestamp { seconds: 5, nanoseconds: 0 };
    check(
        &MemoryTree::new().put("f", file(0o644, 0, 1), b"a"),
        &MemoryTree::new().put("f", newer, b"a"),
        &[],
    );
}

#[test]
fn a_directory_comes_before_its_entries_and_names_are_in_order() {
    let after = MemoryTree::new().file("a/b/c", b"").file("a.b", b"").file("a/d", b"");
    check(&MemoryTree::new(), &after, &["+ a", "+ a/b", "+ a/b/c", "+ a/d", "+ a.b"]);
    check(&after, &MemoryTree::new(), &["- a", "- a/b", "- a/b/c", "- a/d", "- a.b"]);
    check(&after, &after, &[]);
}

#[test]
fn entries_of_a_replaced_directory_are_removed() {
    let before = MemoryTree::new().file("d/f", b"");
    check(&before, &MemoryTree::new().file("d", b""), &["M d type,mode", "- d/f"]);
    check(&MemoryTree::new().file("d", b""), &before, &["M d type,mode", "+ d/f"]);
}

#[test]
fn sums_count_paths_and_bytes() {
    let before = MemoryTree::new().file("a", b"1234").file("b", b"12").file("same", b"123456789");
    let after = MemoryTree::new().file("a", b"1").file("c", b"123").file("same", b"123456789");
    let found = compare_files(&before, &after).expect("read");
    assert_eq!((found.added, found.removed, found.changed), (1, 1, 1));
    assert_eq!((found.before_bytes, found.after_bytes), (6, 4));
}
