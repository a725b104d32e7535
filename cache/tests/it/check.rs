//! `check` finds every kind of damage, and `repair` mends what can be mended.

use std::path::Path;

use cache::{CheckReport, Key, Problem, Record, Store};
use oci::DiffId;

use crate::support::{Image, TestStore, new_store, put_image, reference};

fn full_store() -> (TestStore, Image) {
    let store = new_store();
    let image = put_image(&store, "app");
    store.tag(&reference("app"), image.entry.clone()).unwrap();
    let record = Record {
        layer: DiffId(image.layer),
        created_ms: 1,
        duration_ms: 1,
        inputs: std::collections::BTreeMap::new(),
    };
    store.save_record(&Key::of(b"step"), &record).unwrap();
    (store, image)
}

#[test]
fn good_store_is_clean() {
    let (store, _) = full_store();
    let report = store.check(true).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.blobs, report.images, report.records, report.stale_records), (3, 1, 1, 0));
}

/// Damages a good store; `expected` must be among the problems, with and without reading all data or only with.
#[track_caller]
fn check_found(
    name: &str,
    needs_data: bool,
    damage: impl Fn(&Store, &Image),
    is_it: impl Fn(&Problem) -> bool,
) {
    for read_data in [true, false] {
        let (store, image) = full_store();
        damage(&store, &image);
        let report = store.check(read_data).unwrap();
        let found = report.problems.iter().any(&is_it);
        assert_eq!(found, read_data || !needs_data, "{name}, read_data {read_data}: {:?}", report.problems);
    }
}

fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn damage_of_every_kind_is_found() {
    let is_corrupt = |problem: &Problem| matches!(problem, Problem::Corrupt { .. });
    let is_missing = |problem: &Problem| matches!(problem, Problem::Missing { .. });
    check_found("flipped layer", true, |s, i| overwrite(&s.blob_path(&i.layer), b"Xayer of app"), is_corrupt);
    check_found("flipped config", false, |s, i| overwrite(&s.blob_path(&i.config), b"{}"), is_corrupt);
    check_found("empty manifest", false, |s, i| overwrite(&s.blob_path(&i.entry.digest), b""), is_corrupt);
    let is_size = |problem: &Problem| matches!(problem, Problem::Size { found_bytes: 0, .. });
    check_found("empty layer", false, |s, i| overwrite(&s.blob_path(&i.layer), b""), is_size);
    for blob in [|i: &Image| i.layer, |i: &Image| i.config, |i: &Image| i.entry.digest] {
        check_found(
            "deleted",
            false,
            |s, i| std::fs::remove_file(s.blob_path(&blob(i))).unwrap(),
            is_missing,
        );
    }
    let is_stray = |problem: &Problem| matches!(problem, Problem::Stray { .. });
    check_found(
        "stray",
        false,
        |s, _| std::fs::write(s.root().join("blobs/sha256/x"), "").unwrap(),
        is_stray,
    );
    let make_dir = |s: &Store, i: &Image| {
        std::fs::remove_file(s.blob_path(&i.layer)).unwrap();
        std::fs::create_dir(s.blob_path(&i.layer)).unwrap();
    };
    check_found("directory", false, make_dir, is_stray);
    let is_names = |problem: &Problem| matches!(problem, Problem::Names { .. });
    check_found("names", false, |s, _| std::fs::write(s.root().join("index.json"), "{").unwrap(), is_names);
}

#[test]
fn repair_leaves_what_can_be_made_again() {
    let (store, image) = full_store();
    overwrite(&store.blob_path(&image.layer), b"Xayer of app");
    std::fs::create_dir(store.root().join("blobs/sha256/stray")).unwrap();
    let report = store.check(true).unwrap();
    assert_eq!(report.problems.len(), 2);
    store.repair(&report).unwrap();
    let report = store.check(true).unwrap();
    assert_eq!(report.problems, [Problem::Missing { digest: image.layer, of: image.config }]);
    assert_eq!((report.records, report.stale_records), (0, 0), "the record leads nowhere, and is gone");
    put_image(&store, "app");
    assert!(store.check(true).unwrap().is_clean());
}

#[test]
fn unreadable_names_are_put_aside() {
    let (store, image) = full_store();
    std::fs::write(store.root().join("index.json"), "{").unwrap();
    store.repair(&store.check(false).unwrap()).unwrap();
    assert!(store.root().join("index.json.damaged").exists());
    assert!(store.images().unwrap().is_empty());
    store.tag(&reference("app"), image.entry).unwrap();
    assert!(store.check(true).unwrap().is_clean());
}

#[test]
fn lost_records_and_derived_files_are_stale_only() {
    let (store, _) = full_store();
    let absent = DiffId(oci::Digest::of(b"absent"));
    store.layer_dir(&absent).unwrap();
    let record =
        Record { layer: absent, created_ms: 0, duration_ms: 0, inputs: std::collections::BTreeMap::new() };
    store.save_record(&Key::of(b"dangling"), &record).unwrap();
    let report = store.check(true).unwrap();
    let expected = CheckReport { stale_records: 1, stale_layers: 1, ..report.clone() };
    assert_eq!(report, expected);
    assert!(report.is_clean());
}
