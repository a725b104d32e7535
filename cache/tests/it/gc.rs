//! Collection: what goes first, what never goes, and who keeps collection away.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use cache::{ContentDigest, FileStat, Policy, Record, Sharing, StatCache, StepKey, Store};
use oci::{DiffId, Digest};

use crate::support::{Closed, age, helper_root, put_image, reference, spawn_helper, wait_until};

const ALL: Policy = Policy { budget_bytes: 0, keep_ms: 0 };
const NOTHING: Policy = Policy { budget_bytes: u64::MAX, keep_ms: u64::MAX };
const HOUR_MS: u64 = 3_600_000;

/// Puts a layer of a megabyte with a record and a tree, last used so many hours ago.
fn put_layer(store: &Store, name: &str, hours: u64) -> DiffId {
    let layer = DiffId(store.put_blob(&layer_content(name)).unwrap());
    let key = StepKey::of(name.as_bytes());
    store.save_record(&key, &record(layer)).unwrap();
    let dir = store.layer_dir(&layer).unwrap();
    std::fs::create_dir_all(dir.join("tree/a/b")).unwrap();
    let hex = key.to_string();
    age(&store.root().join("records/v1").join(&hex[..2]).join(&hex[2..]), hours);
    age(&store.blob_path(&layer.0), hours);
    age(&dir, hours);
    layer
}

fn layer_content(name: &str) -> Vec<u8> {
    let mut bytes = vec![1; 1 << 20];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

fn record(layer: DiffId) -> Record {
    Record { layer, created_ms: 0, duration_ms: 0, inputs: BTreeMap::new() }
}

/// Whether the store has the record, the blob and the derived files of a layer.
fn is_here(store: &Store, name: &str) -> [bool; 3] {
    let layer = Digest::of(&layer_content(name));
    [
        store.load_record(&StepKey::of(name.as_bytes())).unwrap().is_some(),
        store.stat_blob(&layer).unwrap().is_some(),
        store.root().join("layers").join(layer.hex()).exists(),
    ]
}

#[test]
fn collection_is_due_after_a_day() {
    let root = Closed::new();
    drop(root.open());
    assert!(!Store::is_collection_due(root.path()), "it is new");
    age(&root.path().join("collected"), 25);
    assert!(Store::is_collection_due(root.path()));
    root.collect(&NOTHING);
    assert!(!Store::is_collection_due(root.path()));
}

#[test]
fn the_least_recently_used_go_first_until_the_rest_fits() {
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
fn nothing_goes_within_the_budget() {
    let root = Closed::new();
    let store = root.open();
    put_layer(&store, "a", 1000);
    drop(store);
    let done = root.collect(&Policy { budget_bytes: 10 << 20, keep_ms: 0 });
    assert_eq!((done.freed_bytes, done.blobs), (0, 0));
    assert_eq!(is_here(&root.open(), "a"), [true; 3]);
}

#[test]
fn recently_used_things_stay_beyond_the_budget() {
    let root = Closed::new();
    let store = root.open();
    put_layer(&store, "old", 30);
    put_layer(&store, "loaded", 30);
    store.load_record(&StepKey::of(b"loaded")).unwrap();
    drop(store);
    root.collect(&Policy { budget_bytes: 0, keep_ms: 2 * HOUR_MS });
    let store = root.open();
    assert_eq!((is_here(&store, "old"), is_here(&store, "loaded")), ([false; 3], [true; 3]));
}

#[test]
fn an_image_without_a_name_goes_and_one_with_a_name_stays() {
    let root = Closed::new();
    let store = root.open();
    for name in ["app", "old"] {
        store.tag(&reference(name), put_image(&store, name).entry).unwrap();
    }
    assert!(store.untag(&reference("old")).unwrap());
    drop(store);
    let kept = root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_MS });
    assert_eq!(kept.images, 0, "it was built just now");
    let done = root.collect(&ALL);
    assert_eq!((done.images, done.blobs), (1, 3));
    let store = root.open();
    assert_eq!(store.images().unwrap().len(), 1);
    let report = store.check(true).unwrap();
    assert!(report.is_clean() && report.blobs == 3, "{report:?}");
}

#[test]
fn a_blob_of_a_named_image_stays_with_its_records() {
    let root = Closed::new();
    let store = root.open();
    let image = put_image(&store, "app");
    store.tag(&reference("app"), image.entry.clone()).unwrap();
    store.put_blob(b"alone").unwrap();
    let record = record(DiffId(image.layer));
    store.save_record(&StepKey::of(b"step"), &record).unwrap();
    drop(store);
    let done = root.collect(&ALL);
    assert_eq!((done.blobs, done.records), (1, 0));
    assert_eq!(root.open().load_record(&StepKey::of(b"step")).unwrap(), Some(record));
}

#[test]
fn the_layer_that_a_root_lists_stays_with_its_record_and_tree() {
    let root = Closed::new();
    let store = root.open();
    let layer = put_layer(&store, "a", 30);
    store.protect("container-c1", [layer.0]).unwrap();
    std::fs::create_dir(root.path().join("containers/c1")).unwrap();
    drop(store);
    assert_eq!(root.collect(&ALL).blobs, 0);
    assert_eq!(is_here(&root.open(), "a"), [true; 3]);
}

#[test]
fn volumes_and_unknown_files_are_left_alone() {
    let root = Closed::new();
    drop(root.open());
    let files = ["volumes/data/file", "thesis/file", "known_hosts"].map(|name| root.path().join(name));
    for file in &files {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "x").unwrap();
    }
    assert_eq!(root.collect(&ALL).freed_bytes, 0);
    assert!(files.iter().all(|file| file.exists()));
}

/// Makes a ready cache mount that was last used so many hours ago.
fn put_mount(store: &Store, id: &str, hours: u64) {
    let mut mount = store.try_cache_mount(id, Sharing::Shared).unwrap().unwrap();
    mount.set_ready().unwrap();
    std::fs::write(mount.path().join("file"), "x").unwrap();
    let dir = mount.path().parent().unwrap().to_owned();
    drop(mount);
    age(&dir, hours);
}

#[test]
fn cache_mounts_go_by_their_last_use() {
    let root = Closed::new();
    let store = root.open();
    put_mount(&store, "old", 30);
    put_mount(&store, "new", 0);
    drop(store);
    assert_eq!(root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_MS }).mounts, 1);
    let store = root.open();
    assert!(store.try_cache_mount("old", Sharing::Shared).unwrap().unwrap().is_new());
    assert!(!store.try_cache_mount("new", Sharing::Shared).unwrap().unwrap().is_new());
}

#[test]
fn the_directory_of_a_collected_mount_goes_with_the_next_collection() {
    let root = Closed::new();
    let store = root.open();
    put_mount(&store, "old", 30);
    drop(store);
    let count = || std::fs::read_dir(root.path().join("mounts")).unwrap().count();
    root.collect(&ALL);
    assert_eq!(count(), 1);
    root.collect(&ALL);
    assert_eq!(count(), 0);
}

#[test]
fn stat_caches_go_by_their_last_use() {
    let root = Closed::new();
    let store = root.open();
    let (file, stat) =
        (Path::new("file"), FileStat { device: 1, inode: 1, size_bytes: 1, mtime_ns: 1, ctime_ns: 1 });
    let cache = StatCache::load(&store, Path::new("/context"));
    cache.put(file, stat, ContentDigest::of(b""));
    cache.save().unwrap();
    drop((cache, store));
    let found = || StatCache::load(&root.open(), Path::new("/context")).get(file, &stat);
    root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_MS });
    assert_eq!(found(), Some(ContentDigest::of(b"")));
    root.collect(&ALL);
    assert_eq!(found(), None);
}

#[test]
fn the_lock_of_a_step_goes_unless_the_step_runs() {
    let root = Closed::new();
    let store = root.open();
    let running = store.lock_step(&StepKey::of(b"running")).unwrap();
    drop(store);
    let path = |key: &[u8]| root.path().join("steps").join(StepKey::of(key).to_string());
    std::fs::write(path(b"killed"), "").unwrap();
    root.collect(&NOTHING);
    assert!(!path(b"killed").exists() && path(b"running").exists());
    drop(running);
}

#[test]
fn records_and_derived_files_of_a_lost_layer_go_within_any_budget() {
    let root = Closed::new();
    let store = root.open();
    let layer = put_layer(&store, "a", 0);
    std::fs::remove_file(store.blob_path(&layer.0)).unwrap();
    drop(store);
    root.collect(&NOTHING);
    assert_eq!(is_here(&root.open(), "a"), [false; 3]);
}

#[test]
fn helper_has_the_store_open() {
    let Some(root) = helper_root() else { return };
    let _store = Store::open(&root).unwrap();
    std::fs::write(root.join("held"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

/// A build that has run for a while keeps what it can need; everything that is older goes.
#[test]
fn things_that_a_living_process_can_need_stay_and_older_things_go() {
    let root = Closed::new();
    let store = root.open();
    put_layer(&store, "old", 30);
    put_layer(&store, "recent", 0);
    let scratch = store.scratch().unwrap();
    let mut helper = spawn_helper("gc::helper_has_the_store_open", root.path());
    wait_until("the helper has it open", || root.path().join("held").exists());
    for _ in 0..2 {
        root.collect(&ALL);
        assert_eq!((is_here(&store, "old"), is_here(&store, "recent")), ([false; 3], [true; 3]));
    }
    helper.kill().unwrap();
    helper.wait().unwrap();
    drop((scratch, store));
    assert_eq!(root.collect(&ALL).blobs, 1, "nobody needs it any more");
}

#[test]
fn things_used_after_an_old_process_began_stay() {
    let root = Closed::new();
    let store = root.open();
    put_layer(&store, "used", 10);
    put_layer(&store, "old", 30);
    // The directory of a process that opened the store twenty hours ago.
    let opened_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
        as u64
        - 20 * HOUR_MS;
    let dir = root.path().join("tmp").join(format!("{opened_ms:012x}-x"));
    std::fs::create_dir(&dir).unwrap();
    let lock = std::fs::File::open(&dir).unwrap();
    lock.lock().unwrap();
    root.collect(&ALL);
    assert_eq!((is_here(&store, "old"), is_here(&store, "used")), ([false; 3], [true; 3]));
    drop(lock);
}

/// A manifest that is longer than any document stands for one that the disk does not give: its content is unknown.
#[test]
fn a_manifest_that_cannot_be_read_keeps_everything_until_its_name_is_gone() {
    let root = Closed::new();
    let store = root.open();
    let image = put_image(&store, "a");
    store.tag(&reference("a"), image.entry.clone()).unwrap();
    let manifest = store.blob_path(&image.entry.digest);
    std::fs::remove_file(&manifest).unwrap();
    std::fs::File::create(&manifest).unwrap().set_len(17 << 20).unwrap();
    drop(store);
    let error = Store::collect(root.path(), &ALL).unwrap_err();
    assert!(error.to_string().contains(&image.entry.digest.to_string()), "{error}");
    let store = root.open();
    for digest in [image.entry.digest, image.config, image.layer] {
        assert!(store.stat_blob(&digest).unwrap().is_some(), "{digest}");
    }
    store.untag(&reference("a")).unwrap();
    drop(store);
    assert_eq!(root.collect(&ALL).blobs, 3);
}

#[test]
fn one_process_collects_at_a_time() {
    let root = Closed::new();
    drop(root.open());
    let lock = std::fs::File::create(root.path().join("collect.lock")).unwrap();
    lock.lock().unwrap();
    assert!(Store::collect(root.path(), &ALL).unwrap().is_none());
    drop(lock);
    assert!(Store::collect(root.path(), &ALL).unwrap().is_some());
}

#[test]
fn a_time_of_use_in_the_future_does_not_protect() {
    let root = Closed::new();
    let store = root.open();
    let layer = put_layer(&store, "future", 0);
    let ahead = std::time::SystemTime::now() + Duration::from_secs(400 * 24 * 3600);
    let key = StepKey::of(b"future").to_string();
    for path in [
        store.blob_path(&layer.0),
        store.layer_dir(&layer).unwrap(),
        root.path().join("records/v1").join(&key[..2]).join(&key[2..]),
    ] {
        std::fs::File::open(path).unwrap().set_modified(ahead).unwrap();
    }
    drop(store);
    root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_MS });
    assert_eq!(is_here(&root.open(), "future"), [false; 3]);
}

#[test]
fn images_that_lost_their_name_to_a_new_build_leave_the_list() {
    let root = Closed::new();
    let store = root.open();
    for number in 0..50 {
        store.tag(&reference("app"), put_image(&store, &format!("app{number}")).entry).unwrap();
    }
    store.keep_image(put_image(&store, "without").entry).unwrap();
    assert_eq!(store.images().unwrap().len(), 51);
    drop(store);
    let done = root.collect(&Policy { budget_bytes: u64::MAX, keep_ms: 0 });
    assert_eq!(done.images, 49);
    assert_eq!(root.open().images().unwrap().len(), 2, "the named one, and one that never had a name");
}

#[test]
fn a_process_that_stands_aside_allows_collection_and_keeps_its_scratch() {
    let root = Closed::new();
    let store = root.open();
    let scratch = store.scratch().unwrap();
    store.stand_aside().unwrap();
    assert!(Store::collect(root.path(), &ALL).unwrap().is_some());
    assert!(scratch.path().exists());
}
