//! Stores in which something else lies in the place of a file: whoever restores a store from an archive or from the cache
//! of a CI service can plant anything. No operation follows it, waits for it or changes what it leads to.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cache::{ContentDigest, FileStat, NoteKind, Policy, Record, Sharing, StatCache, StepKey, Store};
use oci::DiffId;
use rayon::prelude::*;

use crate::support::{Closed, put_image, reference};

/// Kind of file that lies in the place of a file or directory.
#[derive(Debug, Clone, Copy)]
enum Planted {
    LinkToFile,
    LinkToDirectory,
    LinkToNothing,
    Pipe,
    Device,
    Directory,
}

const ALL: [Planted; 6] = [
    Planted::LinkToFile,
    Planted::LinkToDirectory,
    Planted::LinkToNothing,
    Planted::Pipe,
    Planted::Device,
    Planted::Directory,
];

/// Files outside of the store that a test watches.
struct Canary(tempfile::TempDir);

impl Canary {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("dir/sub")).unwrap();
        for file in ["file", "dir/inside", "dir/sub/deep"] {
            fs::write(dir.path().join(file), "precious").unwrap();
        }
        Self(dir)
    }

    #[track_caller]
    fn check(&self, planted: Planted, place: &Path) {
        for file in ["file", "dir/inside", "dir/sub/deep"] {
            let text = fs::read_to_string(self.0.path().join(file)).unwrap_or_default();
            assert_eq!(text, "precious", "{planted:?} in place of {}: {file}", place.display());
        }
        let count = |dir: &str| fs::read_dir(self.0.path().join(dir)).unwrap().count();
        assert_eq!(
            (count(""), count("dir"), count("dir/sub")),
            (2, 2, 1),
            "{planted:?} at {}",
            place.display()
        );
    }

    /// Puts something in place of `path`; returns `false` if this process has no right to.
    fn plant(&self, planted: Planted, path: &Path) -> bool {
        fs::remove_dir_all(path).or_else(|_| fs::remove_file(path)).unwrap();
        let target = |name: &str| self.0.path().join(name);
        match planted {
            Planted::LinkToFile => symlink(target("file"), path).unwrap(),
            Planted::LinkToDirectory => symlink(target("dir"), path).unwrap(),
            Planted::LinkToNothing => symlink(target("new"), path).unwrap(),
            Planted::Directory => fs::create_dir(path).unwrap(),
            Planted::Pipe => rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap(),
            Planted::Device => {
                let null = rustix::fs::makedev(1, 3);
                let kind = rustix::fs::FileType::CharacterDevice;
                return rustix::fs::mknodat(rustix::fs::CWD, path, kind, 0o600.into(), null).is_ok();
            }
        }
        true
    }
}

fn record(layer: DiffId) -> Record {
    Record { layer, created_ms: 1, duration_ms: 1, inputs: Default::default() }
}

/// Does everything that writes to a store or reads from it. Errors are expected.
fn use_all(root: &Path) {
    let Ok(store) = Store::open(root) else { return };
    let Some(digest) = store.put_blob(b"layer of app").ok() else { return };
    let layer = DiffId(digest);
    let _ = store.write_blob().map(|mut blob| blob.write_all(&[1; 100]).map(|()| blob.commit(None)));
    let _ = store.get_blob(&digest, 100);
    let _ = store.verify_blob(&digest);
    let _ = store.save_record(&StepKey::of(b"step"), &record(layer));
    let _ = store.load_record(&StepKey::of(b"step"));
    let _ = store.lock_step(&StepKey::of(b"step"));
    let _ = store.save_note(NoteKind::Pin, "pin", digest.to_string().as_bytes());
    let _ = store.load_note(NoteKind::Pin, "pin");
    let _ =
        store.try_cache_mount("mount", Sharing::Shared).map(|mount| mount.map(|mut mount| mount.set_ready()));
    let _ = store.protect("root", [digest]);
    let _ = store.layer_dir(&layer);
    let _ = store.scratch();
    let stat = FileStat { device: 1, inode: 1, size_bytes: 1, mtime_ns: 0, ctime_ns: 0 };
    let stats = StatCache::load(&store, Path::new("/context"));
    stats.put(Path::new("file"), stat, ContentDigest::of(b""));
    let _ = stats.save();
    let _ = store.untag(&reference("app"));
    let _ = store.images();
    let _ = store.check(true).map(|report| store.repair(&report));
    let _ = store.usage();
    drop(store);
    let _ = Store::collect(root, &Policy { budget_bytes: 0, keep_ms: 0 });
    let _ = Store::is_collection_due(root);
    let _ = Store::open(root).map(|store| put_image(&store, "other"));
}

/// Returns a used store.
fn used_store() -> Closed {
    let closed = Closed::new();
    let store = closed.open();
    let image = put_image(&store, "app");
    store.tag(&reference("app"), image.entry.clone()).unwrap();
    store.tag(&reference("app"), put_image(&store, "app2").entry).unwrap();
    store.save_record(&StepKey::of(b"step"), &record(DiffId(image.layer))).unwrap();
    // As a killed process leaves it.
    fs::write(closed.path().join("steps").join(StepKey::of(b"step").to_string()), "").unwrap();
    store.save_note(NoteKind::Pin, "pin", image.layer.to_string().as_bytes()).unwrap();
    store.try_cache_mount("mount", Sharing::Shared).unwrap().unwrap().set_ready().unwrap();
    store.protect("root", [image.layer]).unwrap();
    let dir = store.layer_dir(&DiffId(image.layer)).unwrap();
    fs::write(dir.join("index"), "derived").unwrap();
    let stats = StatCache::load(&store, Path::new("/context"));
    let stat = FileStat { device: 1, inode: 1, size_bytes: 1, mtime_ns: 0, ctime_ns: 0 };
    stats.put(Path::new("file"), stat, ContentDigest::of(b""));
    stats.save().unwrap();
    fs::create_dir(closed.path().join("tmp/left")).unwrap();
    drop(store);
    closed
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        }
        found.push(path);
    }
}

#[test]
fn nothing_that_is_planted_in_a_store_is_followed_or_waited_for() {
    let mut places = Vec::new();
    let model = used_store();
    walk(model.path(), &mut places);
    let places: Vec<PathBuf> =
        places.iter().map(|path| path.strip_prefix(model.path()).unwrap().to_owned()).collect();
    assert!(places.len() > 25, "{places:?}");
    places.par_iter().for_each(|place| {
        for planted in ALL {
            let (store, canary) = (used_store(), Canary::new());
            let path = store.path().join(place);
            // Names of temporary directories differ.
            if path.symlink_metadata().is_ok() && canary.plant(planted, &path) {
                use_all(store.path());
                canary.check(planted, place);
            }
        }
    });
}

#[test]
fn a_link_to_the_store_itself_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    symlink("real", dir.path().join("link")).unwrap();
    let digest = Store::open(&dir.path().join("link/store")).unwrap().put_blob(b"x").unwrap();
    let store = Store::open(&dir.path().join("real/store")).unwrap();
    assert_eq!(store.get_blob(&digest, 9).unwrap(), b"x");
}

#[test]
fn a_directory_that_is_refused_is_left_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, content) in
        [("mine", "my file"), ("format", "another format\n"), ("format", "dsbuild store 7\n")]
    {
        fs::write(dir.path().join(name), content).unwrap();
        assert!(Store::open(dir.path()).is_err(), "{name}: {content}");
        let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{name}: {content}");
        let names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [name], "{content}");
        fs::remove_file(dir.path().join(name)).unwrap();
    }
}

#[test]
fn a_store_whose_directories_and_format_are_lost_works_again() {
    let lost = [
        "records",
        "records/v1",
        "stat",
        "steps",
        "layers",
        "tmp",
        "mounts",
        "containers",
        "blobs/sha256",
        "pins",
        "format",
    ];
    for name in lost {
        let closed = used_store();
        let path = closed.path().join(name);
        fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)).unwrap();
        check_usable(&closed, name);
    }
    for damage in ["", "garbage"] {
        let closed = used_store();
        fs::write(closed.path().join("format"), damage).unwrap();
        check_usable(&closed, damage);
    }
}

#[track_caller]
fn check_usable(closed: &Closed, lost: &str) {
    let store = closed.open();
    let image = put_image(&store, "new");
    store.tag(&reference("new"), image.entry).unwrap();
    store.save_record(&StepKey::of(b"new"), &record(DiffId(image.layer))).unwrap();
    assert!(store.load_record(&StepKey::of(b"new")).unwrap().is_some(), "{lost}");
    store.lock_step(&StepKey::of(b"new")).unwrap();
    store.save_note(NoteKind::Pin, "new", b"1").unwrap();
    store.try_cache_mount("new", Sharing::Locked).unwrap().unwrap().set_ready().unwrap();
    store.layer_dir(&DiffId(image.layer)).unwrap();
    let stats = StatCache::load(&store, Path::new("/new"));
    stats.put(
        Path::new("f"),
        FileStat { device: 1, inode: 1, size_bytes: 1, mtime_ns: 0, ctime_ns: 0 },
        ContentDigest::of(b""),
    );
    stats.save().unwrap();
    store.scratch().unwrap();
    drop((stats, store));
    closed.collect(&Policy { budget_bytes: u64::MAX, keep_ms: 0 });
}

#[test]
fn a_directory_in_the_place_of_a_file_makes_way_for_the_next_file() {
    let closed = used_store();
    let layer = DiffId(put_image(&closed.open(), "app").layer);
    let step = StepKey::of(b"step");
    let record_path = {
        let name = step.to_string();
        closed.path().join("records/v1").join(&name[..2]).join(&name[2..])
    };
    for path in [
        closed.open().blob_path(&layer.0),
        record_path,
        closed.path().join("pins/pin"),
        closed.path().join("layers").join(layer.0.hex()).join("index"),
    ] {
        fs::remove_file(&path).unwrap_or_default();
        fs::create_dir_all(path.join("with/content")).unwrap();
    }
    let store = closed.open();
    store.put_blob(b"layer of app").unwrap();
    store.save_record(&step, &record(layer)).unwrap();
    store.save_note(NoteKind::Pin, "pin", b"new").unwrap();
    store.save_checked(&layer, "index", b"derived").unwrap();
    assert_eq!(store.get_blob(&layer.0, 100).unwrap(), b"layer of app");
    assert_eq!(store.load_record(&step).unwrap().unwrap().layer, layer);
    assert_eq!(store.load_note(NoteKind::Pin, "pin").unwrap().unwrap(), b"new");
    assert_eq!(store.read_checked(&layer, "index").unwrap(), b"derived");
    drop(store);
    assert_eq!(fs::read_dir(closed.path().join("tmp")).unwrap().count(), 0, "nothing is left over");
}
