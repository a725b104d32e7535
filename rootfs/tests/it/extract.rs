//! Unpacked layers: the tree on disk equals the view of the layer, and nothing is written outside of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use crate::support::{TestEnv, flat, put_file};
use crate::tar::{Tar, raw};

/// Returns everything below a directory, in the form of [`flat`].
fn on_disk(dir: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let status = fs::symlink_metadata(&path).expect("a status");
            let (mode, kind) = (status.mode() & 0o7777, status.file_type());
            let shown = if kind.is_dir() {
                pending.push(path.clone());
                format!("dir {mode:o}")
            } else if kind.is_file() {
                format!("file {mode:o} {}", fs::read_to_string(&path).expect("a file"))
            } else if kind.is_symlink() {
                format!("link {}", fs::read_link(&path).expect("a link").display())
            } else if kind.is_fifo() {
                "Fifo".to_owned()
            } else {
                let (major, minor) = (rustix::fs::major(status.rdev()), rustix::fs::minor(status.rdev()));
                let name = if kind.is_char_device() { "CharDevice" } else { "BlockDevice" };
                format!("{name} {{ major: {major}, minor: {minor} }}")
            };
            let name = path.strip_prefix(dir).expect("below it").to_string_lossy().into_owned();
            all.insert(name, shown);
        }
    }
    all
}

/// Unpacks the layer of `tar`, and compares the tree with the view. `inspect` makes further checks of the tree.
#[track_caller]
fn check(tar: &[u8], inspect: impl FnOnce(&Path)) {
    let env = TestEnv::new();
    let layer = env.layers.import(&mut &tar[..], None).expect("the tar must be accepted");
    let tree = env.layers.tree(&layer).expect("a tree");
    assert_eq!(on_disk(&tree), flat(&*env.layers.view(&[layer]).expect("a view")));
    assert_eq!(env.layers.skipped(&layer).expect("a stamp"), trees::Skipped::default());
    inspect(&tree);
}

fn is_root() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    println!("SKIP only root can make devices and change owners");
    false
}

#[test]
fn privileged_entries_of_all_kinds_are_unpacked() {
    if !is_root() {
        return;
    }
    let tar = Tar::default()
        .dir("d")
        .file("d/a", "a")
        .file("d-", "sorts between d and what is in it")
        .hardlink("b", "d/a")
        .symlink("d/l", "/etc/passwd")
        .add(raw('6', "pipe"))
        .add(raw('3', "null").device(1, 3))
        .add(raw('4', "disk").device(4095, (1 << 20) - 1))
        .add(raw('0', "other").data("x").uid("0001750").patch(100, "0006755"))
        .file("implied/by/this", "");
    check(&tar.end(), |tree| {
        let status = |path: &str| fs::symlink_metadata(tree.join(path)).expect("it is there");
        assert_eq!((status("d/a").ino(), status("d/a").nlink()), (status("b").ino(), 2));
        assert_eq!((status("other").uid(), status("other").mode() & 0o7777), (1000, 0o6755));
        assert!(["d", "d/a", "d/l", "pipe", "null", "implied"].iter().all(|path| status(path).mtime() == 0));
    });
}

/// There are enough files for several threads, many of them in one directory.
#[test]
fn privileged_several_threads_unpack_every_file() {
    if !is_root() {
        return;
    }
    let mut tar = Tar::default();
    for n in 0..3000 {
        let name = if n % 3 == 0 { format!("one/{n}") } else { format!("dirs/{}/{n}", n % 100) };
        tar = tar.file(name, format!("content of {n}").repeat(n % 40));
    }
    check(&tar.end(), |_| ());
}

/// Makes files of many kinds in the current directory.
const MAKE_FILES: &str = "umask 022; mkdir -p a/b/c 'sp ace'; echo 1 > a/b/f; cp -p a/b/f a/b/c/g; ln a/b/f hard; \
    ln -s ../f a/b/c/up; truncate -s 9M holes; echo end >> holes; chmod 1777 a; chmod 2755 a/b; chmod 500 a/b/c; \
    touch -d '2001-02-03 04:05:06.789' a/b/f a/b/c; setfattr -n user.x -v y a/b/f 2>/dev/null; true";

/// Packs [`MAKE_FILES`] with GNU tar; `None` if there is no such program.
fn packed_by_gnu_tar(source: &Path) -> Option<Vec<u8>> {
    let shell = Command::new("sh").args(["-c", MAKE_FILES]).current_dir(source).status();
    let args = ["--xattrs", "--format=posix", "--sparse", "-c", "."];
    let packed = Command::new("tar").args(args).current_dir(source).output();
    let (Ok(_), Ok(packed)) = (shell, packed) else {
        println!("SKIP no tar program");
        return None;
    };
    Some(packed.stdout)
}

/// Returns the metadata of a path that unpacking must restore; the links of a directory depend on the file system.
fn metadata(path: &Path) -> (u32, u32, u32, (i64, i64), u64) {
    let status = fs::symlink_metadata(path).expect("it is there");
    let links = if status.is_dir() { 0 } else { status.nlink() };
    (status.mode(), status.uid(), status.gid(), (status.mtime(), status.mtime_nsec()), links)
}

#[test]
fn privileged_a_layer_is_unpacked_as_by_gnu_tar() {
    if !is_root() {
        return;
    }
    let env = TestEnv::new();
    let (source, plain) = (env.dir.path().join("source"), env.dir.path().join("plain"));
    for dir in [&source, &plain] {
        fs::create_dir(dir).expect("a directory");
    }
    let Some(packed) = packed_by_gnu_tar(&source) else { return };
    let layer = env.layers.import(&mut &packed[..], None).expect("a tar");
    let tree = env.layers.tree(&layer).expect("a tree");
    let tar = env.store.blob_path(&layer.0);
    let unpacked = Command::new("tar").args(["--xattrs", "-C"]).arg(&plain).arg("-xpf").arg(&tar).status();
    assert!(unpacked.expect("tar ran").success());
    assert_eq!(on_disk(&tree), on_disk(&plain));
    for path in on_disk(&tree).keys().map(String::as_str).chain([""]) {
        assert_eq!(metadata(&tree.join(path)), metadata(&plain.join(path)), "{path}");
    }
    assert!(fs::metadata(tree.join("holes")).expect("a file").blocks() < 100, "holes stay holes");
}

/// The layers have symlinks to a directory of this machine, and entries below them.
#[test]
fn no_entry_is_made_through_a_symlink() {
    let host = tempfile::tempdir().expect("a directory");
    fs::create_dir(host.path().join("dir")).expect("a directory");
    fs::write(host.path().join("dir/victim"), "host").expect("a file");
    let before = on_disk(host.path());
    let status = fs::metadata(host.path().join("dir")).expect("a status");
    let target = host.path().join("dir").display().to_string();
    let through = |name: &str| Tar::default().symlink("d", &target).file(name, "pwn");
    let tars = [
        through("d/pwn").end(),
        through("d/victim").end(),
        through("d/.wh.victim").end(),
        through("d/.wh..wh..opq").end(),
        through("d/sub/.wh..wh..opq").end(),
        Tar::default().symlink("d", &target).dir("d/sub").end(),
        Tar::default().symlink("d", &target).dir("d").end(),
        Tar::default().symlink("d", &target).symlink("d/l", "x").end(),
        Tar::default().symlink("d", format!("{target}/victim")).file("d", "pwn").end(),
        Tar::default().symlink("d", format!("{target}/victim")).hardlink("h", "d").file("h", "pwn").end(),
        Tar::default().file("d/x", "pwn").symlink("d", &target).end(),
    ];
    for (number, tar) in tars.iter().enumerate() {
        let env = TestEnv::new();
        // The layer is refused, or unpacked without touching the directory.
        if let Ok(layer) = env.layers.import(&mut &tar[..], None) {
            env.layers.tree(&layer).unwrap_or_else(|error| panic!("tar {number}: {error}"));
        }
        assert_eq!(on_disk(host.path()), before, "tar {number}");
        let now = fs::metadata(host.path().join("dir")).expect("a status");
        assert_eq!((now.mtime_nsec(), now.mode()), (status.mtime_nsec(), status.mode()), "tar {number}");
    }
}

#[test]
fn privileged_whiteouts_have_the_form_of_overlayfs() {
    if !is_root() {
        return;
    }
    let env = TestEnv::new();
    let tar = Tar::default().dir("d").file("d/.wh..wh..opq", "").file("d/new", "").file("e/.wh.gone", "");
    let layer = env.layers.import(&mut &tar.end()[..], None).expect("a tar");
    let tree = env.layers.tree(&layer).expect("a tree");
    let gone = fs::symlink_metadata(tree.join("e/gone")).expect("a whiteout");
    assert!(gone.file_type().is_char_device() && gone.rdev() == 0);
    let mut value = [0; 4];
    let marked = ["trusted.overlay.opaque", "user.overlay.opaque"].iter().any(|name| {
        rustix::fs::lgetxattr(tree.join("d"), *name, &mut value[..]) == Ok(1) && value[0] == b'y'
    });
    assert!(marked);
    assert_eq!(on_disk(&tree).len(), 4);
}

/// One of several processes makes the tree, and all of them get it complete.
#[test]
fn privileged_processes_that_race_for_a_tree_get_it_complete() {
    if !is_root() {
        return;
    }
    let env = TestEnv::new();
    let tar = (0..500).fold(Tar::default(), |tar, n| tar.file(format!("f{n}"), n.to_string()));
    let layer = env.layers.import(&mut &tar.end()[..], None).expect("a tar");
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let tree = env.reopened().tree(&layer).expect("a tree");
                assert_eq!(fs::read_dir(tree).expect("a directory").count(), 500);
            });
        }
    });
}

/// More names than ext4 takes for one file.
#[test]
fn a_file_with_66_000_names_is_unpacked() {
    const COUNT: usize = 66_000;
    let env = TestEnv::new();
    let mut diff = env.diff(&[]);
    put_file(&mut diff, "first", "content");
    for number in 0..COUNT {
        diff.link(Path::new(&format!("name{number}")), Path::new("first")).expect("a link");
    }
    let layer = env.layers.commit(diff).expect("a layer");
    let tree = env.layers.tree(&layer).expect("a tree");
    assert_eq!(fs::read_dir(&tree).expect("a directory").count(), COUNT + 1);
    for name in ["first", "name0", "name64999", "name65999"] {
        assert_eq!(fs::read_to_string(tree.join(name)).expect("a file"), "content", "{name}");
    }
}
