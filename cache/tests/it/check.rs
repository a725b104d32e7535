//! `check` finds every kind of damage, and `repair` mends what can be mended.

use std::path::Path;

use cache::{CheckReport, Problem, Record, StepKey, Store};
use oci::{DiffId, Digest};

use crate::support::{Image, TestStore, new_store, put_image, reference};

/// A store with an image and a record that leads to its layer.
fn full_store() -> (TestStore, Image) {
    let store = new_store();
    let image = put_image(&store, "app");
    store.tag(&reference("app"), image.entry.clone()).unwrap();
    store.save_record(&StepKey::of(b"step"), &record(image.layer)).unwrap();
    (store, image)
}

fn record(layer: Digest) -> Record {
    Record { layer: DiffId(layer), created_ms: 1, duration_ms: 1, inputs: std::collections::BTreeMap::new() }
}

fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Damages a full store; a check must find a problem for which `is_it` holds, also without reading all data.
#[track_caller]
fn check_found(damage: impl Fn(&Store, &Image), is_it: impl Fn(&Problem) -> bool) {
    check_found_with(false, &damage, &is_it);
    check_found_with(true, &damage, &is_it);
}

#[track_caller]
fn check_found_with(read_data: bool, damage: &impl Fn(&Store, &Image), is_it: &impl Fn(&Problem) -> bool) {
    let (store, image) = full_store();
    damage(&store, &image);
    let report = store.check(read_data).unwrap();
    assert!(report.problems.iter().any(is_it), "read_data {read_data}: {:?}", report.problems);
}

fn is_corrupt(problem: &Problem) -> bool {
    matches!(problem, Problem::Corrupt { .. })
}

fn is_stray(problem: &Problem) -> bool {
    matches!(problem, Problem::Stray { .. })
}

#[test]
fn an_intact_store_has_no_problems() {
    let (store, _) = full_store();
    let report = store.check(true).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.blobs, report.images, report.records, report.stale_records), (3, 1, 1, 0));
}

#[test]
fn a_changed_layer_is_found_by_reading_all_data() {
    let damage = |store: &Store, image: &Image| overwrite(&store.blob_path(&image.layer), b"Xayer of app");
    check_found_with(true, &damage, &is_corrupt);
    let (store, image) = full_store();
    damage(&store, &image);
    assert!(store.check(false).unwrap().is_clean());
}

#[test]
fn a_changed_config_or_manifest_is_corrupt() {
    check_found(|store, image| overwrite(&store.blob_path(&image.config), b"{}"), is_corrupt);
    check_found(|store, image| overwrite(&store.blob_path(&image.entry.digest), b""), is_corrupt);
}

#[test]
fn an_empty_layer_has_the_wrong_size() {
    let is_size = |problem: &Problem| matches!(problem, Problem::Size { found_bytes: 0, .. });
    check_found(|store, image| overwrite(&store.blob_path(&image.layer), b""), is_size);
}

#[test]
fn a_deleted_blob_of_an_image_is_missing() {
    let is_missing = |problem: &Problem| matches!(problem, Problem::Missing { .. });
    for blob in [|i: &Image| i.layer, |i: &Image| i.config, |i: &Image| i.entry.digest] {
        let delete =
            |store: &Store, image: &Image| std::fs::remove_file(store.blob_path(&blob(image))).unwrap();
        check_found(delete, is_missing);
    }
}

#[test]
fn a_file_that_is_no_blob_is_stray() {
    check_found(|store, _| std::fs::write(store.root().join("blobs/sha256/x"), "").unwrap(), is_stray);
}

#[test]
fn a_directory_in_place_of_a_blob_is_stray() {
    let make_dir = |store: &Store, image: &Image| {
        std::fs::remove_file(store.blob_path(&image.layer)).unwrap();
        std::fs::create_dir(store.blob_path(&image.layer)).unwrap();
    };
    check_found(make_dir, is_stray);
}

#[test]
fn an_unreadable_list_of_names_is_a_problem() {
    let is_names = |problem: &Problem| matches!(problem, Problem::Names { .. });
    check_found(|store, _| std::fs::write(store.root().join("index.json"), "{").unwrap(), is_names);
}

#[test]
fn repair_removes_the_damage_and_what_is_rebuilt_fits() {
    let (store, image) = full_store();
    overwrite(&store.blob_path(&image.layer), b"Xayer of app");
    std::fs::create_dir(store.root().join("blobs/sha256/stray")).unwrap();
    let report = store.check(true).unwrap();
    assert_eq!(report.problems.len(), 2);
    assert_eq!(store.repair(&report).unwrap(), [reference("app").to_string()]);
    let report = store.check(true).unwrap();
    assert_eq!((report.problems, report.images), (Vec::new(), 0), "an image without its layer is of no use");
    assert_eq!((report.records, report.stale_records), (0, 0), "the record leads nowhere, and is gone");
    store.tag(&reference("app"), put_image(&store, "app").entry).unwrap();
    assert!(store.check(true).unwrap().is_clean());
}

#[test]
fn repair_keeps_images_that_have_all_their_blobs() {
    let (store, image) = full_store();
    store.tag(&reference("b"), put_image(&store, "b").entry).unwrap();
    std::fs::remove_file(store.blob_path(&image.entry.digest)).unwrap();
    assert_eq!(store.repair(&store.check(true).unwrap()).unwrap(), [reference("app").to_string()]);
    assert!(store.resolve(&reference("b")).unwrap().is_some());
    assert!(store.resolve(&reference("app")).unwrap().is_none());
}

#[test]
fn repair_removes_the_damaged_root_of_a_container_only() {
    let store = new_store();
    for name in ["app", "container-1"] {
        store.protect(name, []).unwrap();
        std::fs::write(store.root().join("roots").join(name), "sha256:").unwrap();
    }
    store.repair(&store.check(false).unwrap()).unwrap();
    assert_eq!(store.gc_root_names().unwrap(), ["app"]);
}

#[test]
fn repair_puts_an_unreadable_list_of_names_aside() {
    let (store, image) = full_store();
    std::fs::write(store.root().join("index.json"), "{").unwrap();
    store.repair(&store.check(false).unwrap()).unwrap();
    assert!(store.root().join("index.json.damaged").exists());
    assert_eq!(store.resolve(&reference("app")).unwrap().map(|found| found.digest), Some(image.entry.digest));
    let report = store.check(true).unwrap();
    assert!(report.is_clean() && report.unknown.is_empty(), "{report:?}");
}

#[test]
fn records_and_derived_files_without_a_layer_are_stale_but_no_problem() {
    let (store, _) = full_store();
    let absent = Digest::of(b"absent");
    store.layer_dir(&DiffId(absent)).unwrap();
    store.save_record(&StepKey::of(b"dangling"), &record(absent)).unwrap();
    let report = store.check(true).unwrap();
    let expected = CheckReport { stale_records: 1, stale_layers: 1, ..report.clone() };
    assert_eq!(report, expected);
    assert!(report.is_clean());
}

#[test]
fn unknown_entries_are_listed_but_no_problem() {
    let (store, _) = full_store();
    let (dir, file) = (store.root().join("thesis"), store.root().join("notes.txt"));
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(&file, "").unwrap();
    std::fs::create_dir(store.root().join("lost+found")).unwrap();
    let report = store.check(false).unwrap();
    assert_eq!(report.unknown, [file, dir]);
    assert!(report.is_clean());
}

#[test]
fn everything_that_the_store_makes_is_known() {
    let (store, _) = full_store();
    store.protect("app", []).unwrap();
    for kind in [cache::NoteKind::Pin, cache::NoteKind::Download, cache::NoteKind::Commit] {
        store.save_note(kind, "note", b"text").unwrap();
    }
    drop(store.lock_step(&StepKey::of(b"step")).unwrap());
    drop(store.try_cache_mount("id", cache::Sharing::Shared).unwrap().unwrap());
    assert_eq!(store.check(false).unwrap().unknown, [""; 0].map(std::path::PathBuf::from));
}
