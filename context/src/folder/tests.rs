//! A directory as a tree: the files in it, and the ignored ones.

#![expect(clippy::print_stdout, reason = "a test that cannot run here says why")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use std::collections::BTreeMap;

use rustix::fs::FileType;
use trees::tree::FileChanged;

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

    /// Returns the directory as the next build sees it.
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

/// Ends a thread when the test ends, also by a failure.
struct SetOnDrop<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns all paths in order, directories with a slash.
fn all(tree: &ContextTree, path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for trees::tree::Child { name, entry, .. } in tree.children(path).expect("a directory") {
        let path = path.join(name);
        let text = path.to_str().expect("ASCII").to_owned();
        if entry.is_dir() {
            found.extend([vec![text + "/"], all(tree, &path)].concat());
        } else {
            found.push(text);
        }
    }
    found
}

#[test]
fn ignored_files_do_not_exist() {
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
fn every_kind_of_file_has_its_entry() {
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

    assert_eq!(tree.content(Path::new("f")).expect("read"), ContentDigest::of(b"f"));
    assert_eq!(tree.content(Path::new("socket")).expect("empty"), ContentDigest::of(b""));
    for other in ["fifo", "link", ""] {
        assert!(tree.content(Path::new(other)).is_err() && tree.open(Path::new(other)).is_err(), "{other}");
    }
}

#[test]
fn symlinks_are_not_followed() {
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
fn a_sparse_file_without_end_is_refused() {
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
fn a_file_has_its_attributes() {
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
fn the_stat_cache_knows_files_that_did_not_change() {
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
        assert_eq!(first.content(Path::new(name)).expect("read"), ContentDigest::of(name.as_bytes()));
    }
    stats.save().expect("saved");
    fs::write(folder.dir.path().join("h"), "other").expect("written");
    let (second, _) = tree();
    assert_eq!(known(&second), [Some(ContentDigest::of(b"f")), Some(ContentDigest::of(b"g")), None]);
    let xattrs = |name: &str| second.lookup(Path::new(name)).expect("looked").expect("there").xattrs.len();
    assert_eq!((xattrs("f"), xattrs("g")), (0, usize::from(set.is_ok())));
    // An attribute changes the file's ctime: what is remembered of it without attributes does not count.
    if rustix::fs::setxattr(folder.dir.path().join("f"), "user.k", b"1", rustix::fs::XattrFlags::empty())
        .is_ok()
    {
        let (third, _) = tree();
        assert_eq!(known(&third), [None, Some(ContentDigest::of(b"g")), None]);
        assert_eq!(third.lookup(Path::new("f")).expect("looked").expect("there").xattrs.len(), 1);
    }
}

#[test]
fn a_reported_digest_is_remembered_unless_the_file_was_replaced() {
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
        first.learn(Path::new(name), ContentDigest::of(&text));
    }
    // This build goes on with what was read; the next one asks for the digest of a file that it knows the stat of.
    assert_eq!(first.content(Path::new("g")).expect("known"), ContentDigest::of(b"other"));
    stats.save().expect("saved");
    let (second, _) = tree();
    let known = |name: &str| second.known_content(Path::new(name));
    assert_eq!((known("f"), known("g")), (Some(ContentDigest::of(b"f")), None));
}

fn read(tree: &ContextTree, path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tree.open(Path::new(path))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let folder = Folder::new(&["f"]);
    let path = folder.dir.path().join("f");
    fs::write(&path, "old").expect("written");
    let tree = folder.tree(&[]);
    let mut file = tree.open(Path::new("f")).expect("opened");
    let mut first = [0];
    file.read_exact(&mut first).expect("read");
    std::thread::sleep(std::time::Duration::from_millis(20));
    // The same size, in the same file.
    fs::write(&path, "new").expect("written");
    let error = file.read_to_end(&mut Vec::new()).expect_err("changed");
    assert!(FileChanged::is_in(&error), "{error}");
}

#[test]
fn a_file_that_is_gone_or_replaced_has_changed() {
    let folder = Folder::new(&["gone", "link", "folder"]);
    let tree = folder.tree(&[]);
    assert_eq!(all(&tree, Path::new("")), ["folder", "gone", "link"]);
    for name in ["gone", "link", "folder"] {
        fs::remove_file(folder.dir.path().join(name)).expect("removed");
    }
    symlink("/etc/passwd", folder.dir.path().join("link")).expect("linked");
    fs::create_dir(folder.dir.path().join("folder")).expect("made");
    for name in ["gone", "link", "folder"] {
        let error = read(&tree, name).expect_err(name);
        assert!(FileChanged::is_in(&error), "{name}: {error}");
        assert!(FileChanged::is_in(&tree.content(Path::new(name)).expect_err(name)), "{name}");
    }
}

#[test]
fn a_settled_tree_works_with_copies_of_fresh_files() {
    let folder = Folder::new(&["d/f"]);
    let path = folder.dir.path().join("d/f");
    fs::write(&path, "first").expect("written");
    let tree = folder.tree(&[]);
    let size_bytes =
        |tree: &ContextTree| match tree.lookup(Path::new("d/f")).expect("looked").expect("there").kind {
            Kind::File { size_bytes } => size_bytes,
            kind => panic!("{kind:?}"),
        };
    assert_eq!(size_bytes(&tree), 5);
    fs::write(&path, "second").expect("written");
    assert!(tree.settle());
    assert_eq!(size_bytes(&tree), 6, "the directory is listed again");
    fs::write(&path, "the third").expect("written");
    fs::remove_file(&path).expect("removed");
    assert_eq!((size_bytes(&tree), read(&tree, "d/f").expect("read")), (6, b"second".to_vec()));
    assert_eq!(tree.content(Path::new("d/f")).expect("known"), ContentDigest::of(b"second"));
}

#[test]
fn a_settled_tree_never_has_a_torn_file() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let folder = Folder::new(&["f"]);
    let path = folder.dir.path().join("f");
    let write = |byte: u8| {
        let draft = path.with_extension("draft");
        fs::write(&draft, vec![byte; 100_000]).expect("written");
        fs::rename(&draft, &path).expect("renamed");
    };
    write(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&done);
        scope.spawn(|| {
            for byte in (0..=255).cycle().take_while(|_| !done.load(Ordering::Relaxed)) {
                write(byte);
            }
        });
        let tree = folder.tree(&["*.draft"]);
        for _ in 0..50 {
            tree.settle();
            tree.lookup(Path::new("f")).expect("looked").expect("there");
            if let Ok(bytes) = read(&tree, "f") {
                assert!(bytes.len() == 100_000 && bytes.iter().all(|byte| *byte == bytes[0]));
                assert_eq!(tree.content(Path::new("f")).ok(), Some(ContentDigest::of(&bytes)));
            }
        }
    });
}

#[test]
fn paths_can_be_longer_than_the_kernel_takes_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let name = "n".repeat(250);
    let mut at =
        rustix::fs::open(dir.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).expect("opened");
    let mut path = PathBuf::new();
    for _ in 0..30 {
        rustix::fs::mkdirat(&at, &name, 0o755.into()).expect("made");
        at = rustix::fs::openat(&at, &name, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty())
            .expect("opened");
        path.push(&name);
    }
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE;
    let file = rustix::fs::openat(&at, "f", flags, 0o644.into()).expect("made");
    io::Write::write_all(&mut File::from(file), b"deep").expect("written");
    let path = path.join("f");
    assert!(path.as_os_str().len() > 4096);
    let tree = ContextTree::open(dir.path(), Patterns::default(), None).expect("opened");
    assert_eq!(tree.lookup(&path).expect("looked").expect("there").kind, Kind::File { size_bytes: 4 });
    assert_eq!(tree.content(&path).expect("read"), ContentDigest::of(b"deep"));
    let mut text = String::new();
    tree.open(&path).expect("opened").read_to_string(&mut text).expect("read");
    assert_eq!(text, "deep");
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
        let _end = SetOnDrop(&done);
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
                assert_ne!(tree.content(path).ok(), Some(ContentDigest::of(b"secret")), "{path:?}");
            }
        }
    });
}
