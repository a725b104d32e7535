//! A folder as a tree: what is seen of it, and what is not.

#![expect(clippy::print_stdout, reason = "a test that cannot run here says why")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use super::*;

struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    fn new(files: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().expect("has one")).expect("made");
            fs::write(path, file).expect("written");
        }
        Self { dir }
    }

    /// The folder as the next build sees it.
    fn remembered_by(&self, store: &cache::Store) -> (ContextTree, Arc<StatCache>) {
        let stats = Arc::new(StatCache::load(store, self.dir.path()));
        let tree = ContextTree::open(self.dir.path(), Patterns::default(), Some(stats.clone()));
        (tree.expect("opened"), stats)
    }

    fn tree(&self, patterns: &[&str]) -> ContextTree {
        ContextTree::open(self.dir.path(), Patterns::new(patterns).expect("good patterns"), None)
            .expect("opened")
    }
}

/// All paths, in order, directories with a slash.
fn all(tree: &ContextTree, path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for rootfs::tree::Child { name, entry, .. } in tree.children(path).expect("a directory") {
        let path = path.join(name);
        let text = path.to_str().expect("ASCII").to_owned();
        match entry.is_dir() {
            true => found.extend([vec![text + "/"], all(tree, &path)].concat()),
            false => found.push(text),
        }
    }
    found
}

#[test]
fn what_is_ignored_is_not_there() {
    let folder = Folder::new(&[
        "a.md",
        "src/a.rs",
        "src/b.o",
        "vendor/good/a",
        "vendor/bad/b",
        "vendor/x/y/keep",
        "vendor/x/y/z",
    ]);
    for (patterns, expected) in [
        (
            &[][..],
            "a.md src/ src/a.rs src/b.o vendor/ vendor/bad/ vendor/bad/b vendor/good/ vendor/good/a vendor/x/ vendor/x/y/ vendor/x/y/keep vendor/x/y/z",
        ),
        (&["vendor", "*.md"], "src/ src/a.rs src/b.o"),
        (&["vendor", "**/*.o", "!vendor/good"], "a.md src/ src/a.rs vendor/ vendor/good/ vendor/good/a"),
        (&["**", "!**/keep"], "vendor/ vendor/x/ vendor/x/y/ vendor/x/y/keep"),
        (&["vendor/**", "src/*"], "a.md src/ vendor/"),
        (&["**", "!none"], ""),
    ] {
        assert_eq!(all(&folder.tree(patterns), Path::new("")).join(" "), expected, "{patterns:?}");
    }
    let tree = folder.tree(&["vendor", "!vendor/good"]);
    assert!(tree.lookup(Path::new("vendor/good/a")).expect("looked").is_some());
    for hidden in ["vendor/bad", "vendor/bad/b", "none/x", "a.md/x"] {
        assert!(tree.lookup(Path::new(hidden)).expect("looked").is_none(), "{hidden}");
    }
}

#[test]
fn entries() {
    let folder = Folder::new(&["f"]);
    let root = folder.dir.path();
    symlink("nowhere", root.join("link")).expect("linked");
    fs::hard_link(root.join("f"), root.join("hard")).expect("linked");
    let _socket = UnixListener::bind(root.join("socket")).expect("bound");
    rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), FileType::Fifo, 0o640.into(), 0).expect("made");
    fs::set_permissions(root.join("f"), fs::Permissions::from_mode(0o4751)).expect("set");

    let tree = folder.tree(&[]);
    let entry = |name: &str| tree.lookup(Path::new(name)).expect("looked").expect("there");
    assert_eq!((entry("f").mode, entry("f").uid, entry("f").gid), (0o4751, 0, 0));
    assert_eq!(entry("f").kind, Kind::File { size_bytes: 1 });
    assert_eq!(entry("link").kind, Kind::Symlink { target: "nowhere".into() });
    assert_eq!(entry("fifo").kind, Kind::Fifo);
    assert_eq!(entry("socket").kind, Kind::File { size_bytes: 0 });
    assert!(entry("").is_dir());

    let group = |name: &str| tree.link_group(Path::new(name)).expect("looked");
    assert!(group("f").is_some() && group("f") == group("hard"));
    assert_eq!(group("socket"), None);

    assert_eq!(tree.content(Path::new("f")).expect("read"), Key::of(b"f"));
    assert_eq!(tree.content(Path::new("socket")).expect("empty"), Key::of(b""));
    for none in ["fifo", "link", ""] {
        assert!(tree.content(Path::new(none)).is_err() && tree.open(Path::new(none)).is_err(), "{none}");
    }
}

#[test]
fn links_lead_nowhere() {
    let folder = Folder::new(&["real/f"]);
    symlink("real", folder.dir.path().join("dir")).expect("linked");
    symlink("/etc", folder.dir.path().join("etc")).expect("linked");
    let tree = folder.tree(&[]);
    for path in ["dir/f", "etc/passwd"] {
        assert!(tree.lookup(Path::new(path)).expect("looked").is_none(), "{path}");
        assert!(tree.open(Path::new(path)).is_err() && tree.content(Path::new(path)).is_err(), "{path}");
    }
    assert!(tree.children(Path::new("etc")).is_err());
}

#[test]
fn a_file_that_becomes_a_link_is_not_read() {
    let folder = Folder::new(&["d/f"]);
    let tree = folder.tree(&[]);
    assert!(tree.lookup(Path::new("d/f")).expect("looked").is_some());
    fs::remove_dir_all(folder.dir.path().join("d")).expect("removed");
    symlink("/etc", folder.dir.path().join("d")).expect("linked");
    assert!(tree.open(Path::new("d/f")).is_err() && tree.content(Path::new("d/f")).is_err());
    fs::remove_file(folder.dir.path().join("d")).expect("removed");
    fs::create_dir(folder.dir.path().join("d")).expect("made");
    let fifo = folder.dir.path().join("d/f");
    rustix::fs::mknodat(rustix::fs::CWD, fifo, FileType::Fifo, 0o600.into(), 0).expect("made");
    assert!(tree.open(Path::new("d/f")).is_err() && tree.content(Path::new("d/f")).is_err());
}

#[test]
fn endless_files_are_refused() {
    let folder = Folder::new(&["f"]);
    let file = fs::File::options().write(true).open(folder.dir.path().join("f")).expect("opened");
    if file.set_len((1 << 40) + 1).is_err() {
        println!("SKIP the file system has no files of that length");
        return;
    }
    let error = folder.tree(&[]).content(Path::new("f")).expect_err("refused");
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn attributes_that_count() {
    for (name, expected) in [
        ("user.colour", true),
        ("security.capability", true),
        ("trusted.x", true),
        ("security.selinux", false),
        ("system.posix_acl_access", false),
        ("trusted.overlay.opaque", false),
        ("user.overlay.redirect", false),
        ("", false),
    ] {
        assert_eq!(counts(name.as_bytes()), expected, "{name}");
    }
}

#[test]
fn attributes_are_seen() {
    let folder = Folder::new(&["f", "g"]);
    let set =
        rustix::fs::setxattr(folder.dir.path().join("f"), "user.k", b"1", rustix::fs::XattrFlags::empty());
    if set.is_err() {
        println!("SKIP the file system has no attributes");
        return;
    }
    let tree = folder.tree(&[]);
    let xattrs = |name: &str| tree.lookup(Path::new(name)).expect("looked").expect("there").xattrs;
    assert_eq!(xattrs("f"), BTreeMap::from([(b"user.k".to_vec(), b"1".to_vec())]));
    assert!(xattrs("g").is_empty());
}

#[test]
fn digests_come_from_the_stat_cache() {
    let folder = Folder::new(&["f", "g", "h"]);
    let set =
        rustix::fs::setxattr(folder.dir.path().join("g"), "user.k", b"1", rustix::fs::XattrFlags::empty());
    let store_folder = tempfile::tempdir().expect("a temporary directory");
    let store = cache::Store::open(store_folder.path()).expect("opened");
    // Files that were just changed are not remembered.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let tree = || folder.remembered_by(&store);
    let known = |tree: &ContextTree| ["f", "g", "h"].map(|name| tree.known_content(Path::new(name)));
    let (first, stats) = tree();
    assert_eq!(known(&first), [None; 3]);
    for name in ["f", "g", "h"] {
        assert_eq!(first.content(Path::new(name)).expect("read"), Key::of(name.as_bytes()));
    }
    stats.save().expect("saved");
    fs::write(folder.dir.path().join("h"), "other").expect("written");
    let (second, _) = tree();
    assert_eq!(known(&second), [Some(Key::of(b"f")), Some(Key::of(b"g")), None]);
    let xattrs = |name: &str| second.lookup(Path::new(name)).expect("looked").expect("there").xattrs.len();
    assert_eq!((xattrs("f"), xattrs("g")), (0, usize::from(set.is_ok())));
    // An attribute changes the file's ctime: what is remembered of it without attributes does not count.
    if rustix::fs::setxattr(folder.dir.path().join("f"), "user.k", b"1", rustix::fs::XattrFlags::empty())
        .is_ok()
    {
        let (third, _) = tree();
        assert_eq!(known(&third), [None, Some(Key::of(b"g")), None]);
        assert_eq!(third.lookup(Path::new("f")).expect("looked").expect("there").xattrs.len(), 1);
    }
}

#[test]
fn what_a_reader_tells_is_remembered_unless_the_file_was_replaced() {
    let folder = Folder::new(&["f", "g"]);
    let store_folder = tempfile::tempdir().expect("a temporary directory");
    let store = cache::Store::open(store_folder.path()).expect("opened");
    std::thread::sleep(std::time::Duration::from_millis(200));
    let tree = || folder.remembered_by(&store);
    let (first, stats) = tree();
    for name in ["f", "g"] {
        first.lookup(Path::new(name)).expect("looked").expect("there");
    }
    fs::remove_file(folder.dir.path().join("g")).expect("removed");
    fs::write(folder.dir.path().join("g"), "other").expect("written");
    for name in ["f", "g"] {
        let mut text = Vec::new();
        first.open(Path::new(name)).expect("opened").read_to_end(&mut text).expect("read");
        first.learn(Path::new(name), Key::of(&text));
    }
    // This build goes on with what was read; the next one asks for the digest of a file that it knows the stat of.
    assert_eq!(first.content(Path::new("g")).expect("known"), Key::of(b"other"));
    stats.save().expect("saved");
    let (second, _) = tree();
    let known = |name: &str| second.known_content(Path::new(name));
    assert_eq!((known("f"), known("g")), (Some(Key::of(b"f")), None));
}

/// Another process swaps a file for links to a secret, and a directory too, while it is read.
#[test]
fn nothing_outside_is_read_while_others_swap_links() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let outside = Folder::new(&["secret", "d/f"]);
    fs::write(outside.dir.path().join("d/f"), "secret").expect("written");
    let folder = Folder::new(&["f", "d/f", "real/f"]);
    let (root, secrets) = (folder.dir.path(), outside.dir.path());
    symlink(secrets.join("secret"), root.join("file-link")).expect("linked");
    symlink(secrets.join("d"), root.join("dir-link")).expect("linked");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let exchange = |one: &str, other: &str| {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    root.join(one),
                    rustix::fs::CWD,
                    root.join(other),
                    flags,
                )
            };
            while !done.load(Ordering::Relaxed) {
                let _ = exchange("f", "file-link");
                let _ = exchange("d", "dir-link");
            }
        });
        for _ in 0..500 {
            let tree = folder.tree(&[]);
            for path in ["f", "d/f", "file-link", "dir-link/f"].map(Path::new) {
                let mut text = String::new();
                if let Ok(mut file) = tree.open(path) {
                    let _ = file.read_to_string(&mut text);
                }
                assert!(!text.contains("secret"), "{path:?}");
                assert_ne!(tree.content(path).ok(), Some(Key::of(b"secret")), "{path:?}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}
