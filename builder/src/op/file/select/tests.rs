//! Each row of the table in the header: what changes a digest and what does not.

use proptest::prelude::*;
use trees::entry::Timestamp;

use super::super::testing::{MemoryTree, copy};
use super::*;

fn digest(action: &CopyAction, tree: &MemoryTree) -> SelectionDigest {
    select(action, tree).and_then(|selection| selection.digest(NO_TIMES)).expect("selected")
}

const TREE: &[&str] =
    &["d/ 0755", "d/f=x", "d/sub/ 0750", "d/sub/g=y", "d/l->f", "d/p|", "other=o", "a.txt=1", "b.md=2"];

/// Compares digests of a copy of `path` before and after.
#[track_caller]
fn check(path: &str, after: MemoryTree, changes: bool) {
    let action = copy(path, "/o");
    assert_eq!(digest(&action, &MemoryTree::new(TREE)) != digest(&action, &after), changes, "COPY {path}");
}

/// The tree with one line in place of another.
fn replaced(line: &str, by: &str) -> MemoryTree {
    let lines: Vec<&str> =
        TREE.iter().map(|&old| if old == line { by } else { old }).filter(|line| !line.is_empty()).collect();
    MemoryTree::new(&lines)
}

#[test]
fn content_mode_owner_and_kind_of_files_count() {
    for (line, by) in [
        ("d/f=x", "d/f=z"),
        ("d/f=x", "d/f=x 0600"),
        ("d/f=x", "d/f=x 0644 1:0"),
        ("d/f=x", "d/f=x 0644 0:1"),
        ("d/f=x", "d/e=x"),
        ("d/f=x", "d/f->x"),
        ("d/f=x", "d/f|"),
        ("d/f=x", ""),
        ("d/l->f", "d/l->g"),
        ("d/p|", "d/p| 0600"),
        ("d/sub/ 0750", "d/sub/ 0755"),
        ("d/sub/g=y", "d/g=y"),
        ("other=o", "d/other=o"),
    ] {
        check("d", replaced(line, by), true);
    }
    check("a.txt", replaced("a.txt=1", "a.txt=1 0600"), true);
    let change = |change: fn(&mut Entry)| MemoryTree::new(TREE).change("d/f", change);
    check("d", change(|entry| drop(entry.xattrs.insert(b"user.k".to_vec(), b"1".to_vec()))), true);
    check("d", change(|entry| entry.kind = Kind::CharDevice { major: 1, minor: 3 }), true);
    check("d", change(|entry| entry.kind = Kind::CharDevice { major: 1, minor: 3 }), true);
    let device = |minor| {
        MemoryTree::new(TREE).change("d/f", |entry| entry.kind = Kind::BlockDevice { major: 8, minor })
    };
    assert_ne!(digest(&copy("d", "/o"), &device(1)), digest(&copy("d", "/o"), &device(2)));
}

#[test]
fn other_files_and_the_top_directory_do_not_count() {
    check("d", replaced("d/ 0755", "d/ 0700 5:5"), false);
    check("d", replaced("other=o", "other=p"), false);
    check("d", replaced("d/f=x", "d/f=x 0644 #1"), false);
    check("*.txt", replaced("b.md=2", "c.md=3"), false);
    check("*.txt", replaced("other=o", "sub/c.txt=3"), false);
}

#[test]
fn times_count_if_they_lie_before_the_clamp_and_the_copy_has_them() {
    #[track_caller]
    fn check(action: &CopyAction, path: &str, clamp_s: i64, changes: bool) {
        let digest = |seconds| {
            let tree = MemoryTree::new(TREE)
                .change(path, |entry| entry.mtime = Timestamp { seconds, nanoseconds: 0 });
            select(action, &tree).and_then(|selection| selection.digest(Clamp(clamp_s))).expect("selected")
        };
        assert_eq!(digest(100) != digest(200), changes, "{path} before {clamp_s}");
    }
    let all = copy("d", "/o");
    for path in ["d", "d/f", "d/sub", "d/sub/g", "d/l"] {
        check(&all, path, 300, true);
        check(&all, path, 150, true);
        check(&all, path, 100, false);
    }
    check(&all, "other", 300, false);
    check(&copy("a.txt", "/o"), "a.txt", 300, true);
    let mut parents = copy("d/sub/g", "/o");
    parents.parents = true;
    check(&parents, "d/sub/g", 300, true);
    check(&parents, "d/sub", 300, false);
}

#[test]
fn names() {
    let tree = MemoryTree::new(&["d1/f=x", "d2/f=x", "d2/g=x", "e1/f=x", "l->d1/f"]);
    let of = |path: &str| digest(&copy(path, "/o"), &tree);
    assert_eq!(of("d1/f"), of("d2/f"));
    assert_ne!(of("d2/f"), of("d2/g"));
    assert_eq!(of("d1"), of("e1"));
    assert_ne!(of("d1"), of("d2"));
    assert_ne!(of("l"), of("d1/f"));
    // A wildcard counts by what it matches, and in its order.
    assert_eq!(of("d1/*"), of("d1/f"));
    assert_ne!(of("?2/*"), of("d2/f"));
}

#[test]
fn excluded_files_do_not_count() {
    let tree = |excluded: &str| MemoryTree::new(&["d/a=1", excluded, "d/sub/b.txt=2"]);
    let mut action = copy("d", "/o");
    action.excludes = vec!["**/*.log".into()];
    assert_eq!(digest(&action, &tree("d/x.log=1")), digest(&action, &tree("d/sub/y.log=2")));
    let mut action = copy("d/**/*.txt", "/o");
    action.parents = true;
    assert_eq!(digest(&action, &tree("d/x.log=1")), digest(&action, &tree("d/sub/y.log=2")));
    assert_ne!(digest(&action, &tree("d/x.txt=1")), digest(&action, &tree("d/y.txt=1")));
}

#[test]
fn of_a_mount() {
    let tree = MemoryTree::new(TREE);
    assert_eq!(digest_of(&tree, Path::new("/d")).expect("there"), digest(&copy("d", "/o"), &tree));
    assert!(digest_of(&tree, Path::new("/")).is_ok() && digest_of(&tree, Path::new("/d/l")).is_ok());
    assert!(matches!(digest_of(&tree, Path::new("/none")), Err(FileOpError::NotFound { .. })));
}

proptest! {
    #[test]
    fn different_trees_have_different_digests(
        one in proptest::collection::btree_map("[ab]{1,2}(/[ab])?", "[xy]{0,2}", 0..5),
        other in proptest::collection::btree_map("[ab]{1,2}(/[ab])?", "[xy]{0,2}", 0..5),
    ) {
        // A file cannot be a directory too.
        let legal = |files: &std::collections::BTreeMap<String, String>| {
            !files.keys().any(|path| path.split_once('/').is_some_and(|(above, _)| files.contains_key(above)))
        };
        prop_assume!(legal(&one) && legal(&other));
        let tree = |files: &std::collections::BTreeMap<String, String>| {
            let lines: Vec<String> = files.iter().map(|(path, content)| format!("{path}={content}")).collect();
            MemoryTree::new(&lines.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let digest = |files| digest(&copy("/", "/o"), &tree(files));
        prop_assert_eq!(one == other, digest(&one) == digest(&other));
    }
}

/// A folder with the files of a context.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir_all(folder.path().join("d/sub")).expect("made");
    for (path, content) in [("d/f", "x"), ("d/sub/g", "y"), ("ignored.log", "z")] {
        std::fs::write(folder.path().join(path), content).expect("written");
    }
    folder
}

fn digest_of_folder(folder: &Path) -> SelectionDigest {
    let ignore = Patterns::new(&["*.log"]).expect("a good pattern");
    let tree = context::ContextTree::open(folder, ignore, None).expect("opened");
    select(&copy(".", "/o"), &tree).and_then(|selection| selection.digest(Clamp::STORE)).expect("selected")
}

#[test]
fn where_a_context_is_and_when_it_was_written_does_not_count() {
    let (one, other) = (folder(), folder());
    let before = digest_of_folder(one.path());
    let file = std::fs::File::options().write(true).open(other.path().join("d/f")).expect("opened");
    let in_2001 = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    file.set_modified(in_2001).expect("set");
    std::fs::write(other.path().join("ignored.log"), "changed").expect("written");
    assert_eq!(before, digest_of_folder(other.path()));
    std::fs::write(other.path().join("d/f"), "X").expect("written");
    assert_ne!(before, digest_of_folder(other.path()));
}

#[test]
fn a_path_may_be_deeper_than_a_stack() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let open = |at: &dyn Fn() -> rustix::io::Result<rustix::fd::OwnedFd>| at().expect("opened");
    let flags = rustix::fs::OFlags::PATH;
    let mut at = open(&|| rustix::fs::open(folder.path(), flags, rustix::fs::Mode::empty()));
    for _ in 0..1900 {
        rustix::fs::mkdirat(&at, "d", 0o755.into()).expect("made");
        at = open(&|| rustix::fs::openat(&at, "d", flags, rustix::fs::Mode::empty()));
    }
    let tree = context::ContextTree::open(folder.path(), Patterns::default(), None).expect("opened");
    let action = copy(".", "/o");
    let selection = select(&action, &tree).expect("selected");
    assert_eq!(selection.items(&selection.matches[0]).expect("listed").count(), 1900);
    assert_eq!(selection.paths().expect("listed").len(), 1901);
}
