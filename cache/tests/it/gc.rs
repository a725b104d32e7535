//! Collection: what goes first, what never goes, and who is in the way.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cache::{Collected, FileStat, Key, Policy, Record, Sharing, StatCache, Store};
use oci::{DiffId, Digest};

use crate::support::{helper_root, put_image, reference, spawn_helper, wait_until};

const ALL: Policy = Policy { budget_bytes: 0, keep_ms: 0 };
const HOUR_S: u64 = 3600;

/// A root without an open store, which would be in the way.
struct Closed(tempfile::TempDir);

impl Closed {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Store {
        Store::open(self.0.path()).unwrap()
    }

    fn collect(&self, policy: &Policy) -> Collected {
        Store::collect(self.0.path(), policy).unwrap().expect("nobody has it open")
    }
}

fn age(path: &Path, hours: u64) {
    let time = SystemTime::now() - Duration::from_secs(hours * HOUR_S);
    std::fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// A layer of a megabyte with a record and a tree, last used some hours ago.
fn put_layer(store: &Store, name: &str, hours: u64) -> DiffId {
    let mut bytes = vec![0; 1 << 20];
    bytes.write_all(b"").unwrap();
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    let layer = DiffId(store.put_blob(&bytes).unwrap());
    let record = Record { layer, created_ms: 0, duration_ms: 0, inputs: BTreeMap::new() };
    let key = Key::of(name.as_bytes());
    store.save_record(&key, &record).unwrap();
    let dir = store.layer_dir(&layer).unwrap();
    std::fs::create_dir_all(dir.join("tree/a/b")).unwrap();
    let hex = key.to_string();
    age(&store.root().join("records/v1").join(&hex[..2]).join(&hex[2..]), hours);
    age(&store.blob_path(&layer.0), hours);
    age(&dir, hours);
    layer
}

fn is_here(store: &Store, name: &str) -> [bool; 3] {
    let mut bytes = vec![0; 1 << 20];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    let layer = Digest::of(&bytes);
    [
        store.load_record(&Key::of(name.as_bytes())).unwrap().is_some(),
        store.stat_blob(&layer).unwrap().is_some(),
        store.root().join("layers").join(layer.hex()).exists(),
    ]
}

#[test]
fn collection_is_due_once_a_day() {
    let root = Closed::new();
    drop(root.open());
    assert!(!Store::is_collection_due(root.0.path()), "it is new");
    age(&root.0.path().join("collected"), 25);
    assert!(Store::is_collection_due(root.0.path()));
    root.collect(&Policy { budget_bytes: u64::MAX, keep_ms: 0 });
    assert!(!Store::is_collection_due(root.0.path()));
}

#[test]
fn oldest_go_first_until_the_rest_fits() {
    let root = Closed::new();
    let store = root.open();
    for (name, hours) in [("b", 20), ("a", 30), ("d", 3), ("c", 10)] {
        put_layer(&store, name, hours);
    }
    drop(store);
    let done = root.collect(&Policy { budget_bytes: (5 << 20) / 2, keep_ms: 0 });
    let store = root.open();
    assert_eq!(
        ["a", "b", "c", "d"].map(|name| is_here(&store, name)),
        [[false; 3], [false; 3], [true; 3], [true; 3]]
    );
    assert_eq!((done.blobs, done.records, done.images, done.mounts), (2, 2, 0, 0));
    assert!(done.freed_bytes >= 2 << 20 && done.before_bytes >= 4 << 20, "{done:?}");
    assert!(store.check(true).unwrap().is_clean());
}

#[test]
fn within_the_budget_nothing_goes() {
    let root = Closed::new();
    let store = root.open();
    put_layer(&store, "a", 1000);
    drop(store);
    let done = root.collect(&Policy { budget_bytes: 10 << 20, keep_ms: 0 });
    assert_eq!((done.freed_bytes, done.blobs), (0, 0));
    assert_eq!(is_here(&root.open(), "a"), [true; 3]);
}

#[test]
fn what_was_used_lately_stays() {
    let root = Closed::new();
    let store = root.open();
    put_layer(&store, "old", 30);
    put_layer(&store, "loaded", 30);
    store.load_record(&Key::of(b"loaded")).unwrap();
    drop(store);
    root.collect(&Policy { budget_bytes: 0, keep_ms: 2 * HOUR_S * 1000 });
    let store = root.open();
    assert_eq!((is_here(&store, "old"), is_here(&store, "loaded")), ([false; 3], [true; 3]));
}

#[test]
fn named_images_stay_and_nameless_go() {
    let root = Closed::new();
    let store = root.open();
    for name in ["app", "old"] {
        store.tag(&reference(name), put_image(&store, name).entry).unwrap();
    }
    assert!(store.untag(&reference("old")).unwrap());
    drop(store);
    let kept = root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_S * 1000 });
    assert_eq!(kept.images, 0, "it was built just now");
    let done = root.collect(&ALL);
    assert_eq!((done.images, done.blobs), (1, 3));
    let store = root.open();
    assert_eq!(store.images().unwrap().len(), 1);
    let report = store.check(true).unwrap();
    assert!(report.is_clean() && report.blobs == 3, "{report:?}");
}

#[test]
fn blobs_shared_with_a_named_image_stay() {
    let root = Closed::new();
    let store = root.open();
    let image = put_image(&store, "app");
    store.tag(&reference("app"), image.entry.clone()).unwrap();
    store.put_blob(b"alone").unwrap();
    let record =
        Record { layer: DiffId(image.layer), created_ms: 0, duration_ms: 0, inputs: BTreeMap::new() };
    store.save_record(&Key::of(b"step"), &record).unwrap();
    drop(store);
    let done = root.collect(&ALL);
    assert_eq!((done.blobs, done.records), (1, 0));
    assert_eq!(root.open().load_record(&Key::of(b"step")).unwrap(), Some(record));
}

#[test]
fn layers_of_containers_stay() {
    let root = Closed::new();
    let store = root.open();
    let layer = put_layer(&store, "a", 30);
    let dir = store.root().join("containers/c1");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("config.json"), format!("{{\"pid\":1,\"layers\":[\"{layer}\"]}}")).unwrap();
    std::fs::create_dir(store.root().join("containers/half-made")).unwrap();
    std::fs::write(store.root().join("containers/stray"), "").unwrap();
    drop(store);
    assert_eq!(root.collect(&ALL).blobs, 0);
    std::fs::remove_dir_all(root.0.path().join("containers/c1")).unwrap();
    assert_eq!(root.collect(&ALL).blobs, 1);
}

#[test]
fn mounts_and_stat_caches_go_by_their_last_use() {
    let root = Closed::new();
    let store = root.open();
    for (id, hours) in [("old", 30), ("new", 0)] {
        let mut mount = store.cache_mount(id, Sharing::Shared).unwrap();
        mount.set_ready().unwrap();
        std::fs::write(mount.path().join("file"), "x").unwrap();
        let dir = mount.path().parent().unwrap().to_owned();
        drop(mount);
        age(&dir, hours);
    }
    let cache = StatCache::load(&store, Path::new("/context"));
    let stat = FileStat { device: 1, inode: 1, size_bytes: 1, mtime_ns: 1, ctime_ns: 1 };
    cache.put(Path::new("file"), stat, Key::of(b""));
    cache.save().unwrap();
    drop((cache, store));
    assert_eq!(root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_S * 1000 }).mounts, 1);
    let store = root.open();
    assert!(store.cache_mount("old", Sharing::Shared).unwrap().is_new());
    assert!(!store.cache_mount("new", Sharing::Shared).unwrap().is_new());
    assert_eq!(
        StatCache::load(&store, Path::new("/context")).get(Path::new("file"), &stat),
        Some(Key::of(b""))
    );
}

#[test]
fn useless_things_go_within_any_budget() {
    let root = Closed::new();
    let store = root.open();
    let layer = put_layer(&store, "a", 0);
    std::fs::remove_file(store.blob_path(&layer.0)).unwrap();
    drop(store);
    root.collect(&Policy { budget_bytes: u64::MAX, keep_ms: u64::MAX });
    assert_eq!(is_here(&root.open(), "a"), [false; 3]);
}

#[test]
fn helper_has_the_store_open() {
    let Some(root) = helper_root() else { return };
    let _store = Store::open(&root).unwrap();
    std::fs::write(root.join("held"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_user_is_in_the_way_until_it_is_dead() {
    let root = Closed::new();
    let store = root.open();
    put_layer(&store, "a", 30);
    assert!(Store::collect(root.0.path(), &ALL).unwrap().is_none(), "this process has it open");
    let mut helper = spawn_helper("gc::helper_has_the_store_open", root.0.path());
    wait_until("the helper has it open", || root.0.path().join("held").exists());
    drop(store);
    assert!(Store::collect(root.0.path(), &ALL).unwrap().is_none(), "the helper has it open");
    helper.kill().unwrap();
    helper.wait().unwrap();
    assert_eq!(root.collect(&ALL).blobs, 1);
}

#[test]
fn who_stands_aside_is_not_in_the_way_and_keeps_its_scratch() {
    let root = Closed::new();
    let store = root.open();
    let scratch = store.scratch().unwrap();
    store.stand_aside().unwrap();
    assert!(Store::collect(root.0.path(), &ALL).unwrap().is_some());
    assert!(scratch.path().exists());
}

#[test]
fn what_outlives_its_handle_is_in_the_way_too() {
    let root = Closed::new();
    let scratch = root.open().scratch().unwrap();
    assert!(Store::collect(root.0.path(), &ALL).unwrap().is_none());
    drop(scratch);
    assert!(Store::collect(root.0.path(), &ALL).unwrap().is_some());
}
