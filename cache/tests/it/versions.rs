//! Versions: where names have pointed, and the images that they keep.

use cache::{MAX_VERSIONS, Policy, Problem, Store, VersionLimits};
use oci::Reference;
use serde_json::{Map, Value};

use crate::support::{Closed, descriptor, new_store, put_image, reference};

const ALL: Policy = Policy { budget_bytes: 0, keep_ms: 0 };

/// Returns the number and the digest's first digits of each version.
fn numbers(store: &Store, name: &str) -> Vec<u64> {
    store.versions(&reference(name)).unwrap().versions.iter().map(|version| version.number).collect()
}

fn tag(store: &Store, name: &str, image: &str) {
    store.tag(&reference(name), put_image(store, image).entry).unwrap();
}

/// Returns the path of the only list in a store.
fn only_list(store: &Store) -> std::path::PathBuf {
    let mut lists = std::fs::read_dir(store.root().join("versions")).unwrap();
    lists.next().expect("a list").unwrap().path()
}

#[test]
fn a_name_that_moves_records_where_it_points() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    store.tag(&reference("app"), descriptor("b")).unwrap();
    store.tag(&reference("other"), descriptor("a")).unwrap();
    let list = store.versions(&reference("app")).unwrap();
    let digests: Vec<_> = list.versions.iter().map(|version| version.manifest.digest).collect();
    assert_eq!(digests, [descriptor("a").digest, descriptor("b").digest]);
    assert_eq!((numbers(&store, "app"), numbers(&store, "other")), (vec![1, 2], vec![1]));
    assert!(
        list.versions[0].time_ms > 1_600_000_000_000 && list.versions[0].time_ms <= list.versions[1].time_ms
    );
}

#[test]
fn a_name_that_stays_where_it_is_writes_nothing() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    let before = only_list(&store).metadata().unwrap();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    let mut described = descriptor("a");
    described.annotations.insert("note".into(), "new".into());
    store.tag(&reference("app"), described).unwrap();
    assert_eq!(numbers(&store, "app"), [1]);
    use std::os::unix::fs::MetadataExt;
    assert_eq!(only_list(&store).metadata().unwrap().ino(), before.ino());
}

#[test]
fn a_name_with_a_digest_has_no_versions() {
    let store = new_store();
    let name = format!("app@{}", descriptor("a").digest);
    store.tag(&reference(&name), descriptor("a")).unwrap();
    assert_eq!(numbers(&store, &name), [0; 0]);
}

#[test]
fn changes_are_described_by_the_process_that_makes_them() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    let fields = |pairs: &[(&str, &str)]| -> Map<String, Value> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
    };
    let (first, second) = (fields(&[("user", "ann"), ("how", "tag")]), fields(&[("how", "build")]));
    store.describe_changes(move || first.clone());
    store.describe_changes(move || second.clone());
    store.tag(&reference("app"), descriptor("b")).unwrap();
    let versions = store.versions(&reference("app")).unwrap().versions;
    assert_eq!(versions[0].origin, Map::new());
    assert_eq!(versions[1].origin, fields(&[("how", "build"), ("user", "ann")]));
}

#[test]
fn a_change_without_a_record_is_caught_up_with() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    std::fs::remove_dir_all(store.root().join("versions")).unwrap();
    store.tag(&reference("app"), descriptor("b")).unwrap();
    let versions = store.versions(&reference("app")).unwrap().versions;
    assert_eq!(versions[0].manifest.digest, descriptor("a").digest);
    assert!(versions[0].time_ms > 1_600_000_000_000, "the time of the build is known");
    assert_eq!(versions[1].manifest.digest, descriptor("b").digest);
}

#[test]
fn a_list_is_bounded_and_numbers_are_not_used_again() {
    let store = new_store();
    for number in 0..MAX_VERSIONS + 3 {
        store.tag(&reference("app"), descriptor(&number.to_string())).unwrap();
    }
    let numbers = numbers(&store, "app");
    assert_eq!(
        (numbers.len(), numbers[0], numbers[MAX_VERSIONS - 1]),
        (MAX_VERSIONS, 4, MAX_VERSIONS as u64 + 3)
    );
}

#[test]
fn collection_keeps_the_images_of_the_last_versions() {
    let root = Closed::new();
    let store = root.open();
    (1..=12).for_each(|number| tag(&store, "app", &format!("app{number}")));
    let layer = |number: usize| put_image_digest(&format!("app{number}"));
    drop(store);
    root.collect(&ALL);
    let kept = |store: &Store| -> Vec<usize> {
        (1..=12).filter(|number| store.stat_blob(&layer(*number)).unwrap().is_some()).collect()
    };
    assert_eq!(kept(&root.open()), (3..=12).collect::<Vec<_>>());
    let limits = VersionLimits { count: 2, ..VersionLimits::default() };
    Store::collect_keeping(root.path(), &ALL, &limits).unwrap().expect("nobody has it open");
    assert_eq!(kept(&root.open()), [11, 12]);
    assert_eq!(numbers(&root.open(), "app").len(), 12, "the list stays");
    let limits = VersionLimits { age_ms: 0, ..VersionLimits::default() };
    std::thread::sleep(std::time::Duration::from_millis(5));
    Store::collect_keeping(root.path(), &ALL, &limits).unwrap().expect("nobody has it open");
    assert_eq!(kept(&root.open()), [12]);
}

/// Returns the digest of the layer that [`put_image`] makes.
fn put_image_digest(name: &str) -> oci::Digest {
    oci::Digest::of(format!("layer of {name}").as_bytes())
}

#[test]
fn a_version_can_get_its_name_back_after_a_collection() {
    let root = Closed::new();
    let store = root.open();
    tag(&store, "app", "one");
    tag(&store, "app", "two");
    drop(store);
    root.collect(&ALL);
    let store = root.open();
    let first = store.versions(&reference("app")).unwrap().versions[0].manifest.clone();
    store.tag(&reference("app"), first.clone()).unwrap();
    assert_eq!(store.resolve(&reference("app")).unwrap().map(|image| image.digest), Some(first.digest));
    assert_eq!(numbers(&store, "app"), [1, 2, 3]);
    assert!(store.check(true).unwrap().is_clean());
}

#[test]
fn versions_go_with_their_name() {
    let root = Closed::new();
    let store = root.open();
    for (name, image) in [("app", "one"), ("app", "two"), ("lib", "three"), ("lib", "four")] {
        tag(&store, name, image);
    }
    store.untag(&reference("app")).unwrap();
    store.remove_image(&put_image(&store, "four").entry.digest).unwrap();
    assert_eq!((numbers(&store, "app"), numbers(&store, "lib")), (vec![], vec![]));
    drop(store);
    root.collect(&ALL);
    assert_eq!(root.open().stat_blob(&put_image_digest("one")).unwrap(), None);
    assert_eq!(root.open().stat_blob(&put_image_digest("three")).unwrap(), None);
}

#[test]
fn a_damaged_list_is_reported_and_begun_anew() {
    let store = new_store();
    store.tag(&reference("app"), descriptor("a")).unwrap();
    store.tag(&reference("app"), descriptor("b")).unwrap();
    let path = only_list(&store);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    for (bytes, damage) in [
        (bytes, "its checksum is wrong"),
        (b"".to_vec(), "it has no checksum"),
        (b"\xff".to_vec(), "it is not text"),
        (sealed("[]\n"), "it is not a list of versions"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let list = store.versions(&reference("app")).unwrap();
        assert_eq!((list.versions.len(), list.damage), (0, Some(damage)));
        let expected = Problem::Versions { path: path.clone(), reason: damage.into() };
        assert!(store.check(false).unwrap().problems.contains(&expected), "{damage}");
    }
    store.tag(&reference("app"), descriptor("c")).unwrap();
    let versions = store.versions(&reference("app")).unwrap().versions;
    let digests: Vec<_> = versions.iter().map(|version| version.manifest.digest).collect();
    assert_eq!(digests, [descriptor("b").digest, descriptor("c").digest]);
}

fn sealed(text: &str) -> Vec<u8> {
    format!("{text}blake3:{}\n", blake3::hash(text.as_bytes()).to_hex()).into_bytes()
}

#[test]
fn a_repair_removes_damaged_lists() {
    let store = new_store();
    tag(&store, "app", "one");
    std::fs::write(only_list(&store), b"damaged").unwrap();
    store.repair(&store.check(false).unwrap()).unwrap();
    assert!(store.check(false).unwrap().is_clean());
}

#[test]
fn the_disk_usage_of_versions_counts_what_only_they_keep() {
    let store = new_store();
    tag(&store, "app", "one");
    let none = store.version_usage(&VersionLimits::default()).unwrap();
    assert_eq!((none.images, none.bytes), (0, 0));
    tag(&store, "app", "two");
    tag(&store, "kept", "two");
    tag(&store, "app", "three");
    let usage = store.version_usage(&VersionLimits::default()).unwrap();
    assert_eq!(usage.images, 1, "`two` has another name");
    assert!(usage.bytes > 0);
}

#[test]
fn processes_that_move_one_name_record_every_move() {
    let store = new_store();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..10 {
                    store.tag(&reference("app"), descriptor(&format!("{thread}-{number}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(numbers(&store, "app"), (1..=40).collect::<Vec<u64>>());
    let name: Reference = reference("app");
    let last = store.versions(&name).unwrap().versions.pop().unwrap();
    assert_eq!(store.resolve(&name).unwrap().map(|image| image.digest), Some(last.manifest.digest));
}
