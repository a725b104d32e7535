//! Notes: round trips, and what collection does with them.

use std::path::Path;

use cache::{NoteKind, Policy, Store};
use oci::Digest;

use crate::support::{Closed, age, new_store};

const HOUR_MS: u64 = 3_600_000;
const KINDS: [(NoteKind, &str); 3] =
    [(NoteKind::Pin, "pins"), (NoteKind::Download, "downloads"), (NoteKind::Commit, "commits")];

fn note(store: &Store, kind: NoteKind) -> Option<Vec<u8>> {
    store.load_note(kind, "name").unwrap()
}

fn age_note(root: &Path, dir: &str) {
    age(&root.join(dir).join("name"), 30);
}

#[test]
fn a_saved_note_is_loaded_from_its_directory() {
    let store = new_store();
    for (kind, dir) in KINDS {
        assert_eq!(note(&store, kind), None);
        store.save_note(kind, "name", dir.as_bytes()).unwrap();
        assert_eq!(note(&store, kind), Some(dir.into()));
        assert_eq!(std::fs::read(store.root().join(dir).join("name")).unwrap(), dir.as_bytes());
    }
}

#[test]
fn a_directory_in_place_of_a_note_is_no_note() {
    let store = new_store();
    std::fs::create_dir_all(store.root().join("pins/name")).unwrap();
    assert_eq!(note(&store, NoteKind::Pin), None);
}

#[test]
fn a_note_goes_with_its_blob() {
    let root = Closed::new();
    let store = root.open();
    let blob = store.put_blob(b"manifest").unwrap();
    age(&store.blob_path(&blob), 30);
    store.save_note(NoteKind::Pin, "name", format!("{blob}\n").as_bytes()).unwrap();
    age_note(store.root(), "pins");
    drop(store);
    let done = root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_MS });
    assert_eq!((done.blobs, done.notes), (1, 1));
    assert_eq!(note(&root.open(), NoteKind::Pin), None);
}

#[test]
fn a_note_in_use_keeps_its_blob() {
    let root = Closed::new();
    let store = root.open();
    let blob = store.put_blob(b"manifest").unwrap();
    store.save_note(NoteKind::Pin, "name", format!("{blob}\n").as_bytes()).unwrap();
    age(&store.blob_path(&blob), 30);
    age_note(store.root(), "pins");
    assert!(note(&store, NoteKind::Pin).is_some());
    drop(store);
    let done = root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_MS });
    assert_eq!((done.blobs, done.notes), (0, 0));
}

#[test]
fn a_note_whose_blob_is_gone_is_removed_within_any_budget() {
    let root = Closed::new();
    let store = root.open();
    let json = format!(r#"{{"digest":"{}","etag":null}}"#, Digest::of(b"gone"));
    store.save_note(NoteKind::Download, "name", json.as_bytes()).unwrap();
    drop(store);
    let done = root.collect(&Policy { budget_bytes: u64::MAX, keep_ms: u64::MAX });
    assert_eq!(done.notes, 1);
    assert_eq!(note(&root.open(), NoteKind::Download), None);
}

#[test]
fn a_note_without_a_blob_goes_by_its_last_use() {
    let root = Closed::new();
    let store = root.open();
    store.save_note(NoteKind::Commit, "name", b"1700000000\n").unwrap();
    store.save_note(NoteKind::Commit, "new", b"1700000000\n").unwrap();
    age_note(store.root(), "commits");
    drop(store);
    let within = root.collect(&Policy { budget_bytes: u64::MAX, keep_ms: HOUR_MS });
    assert_eq!(within.notes, 0, "there is room");
    let done = root.collect(&Policy { budget_bytes: 0, keep_ms: HOUR_MS });
    assert_eq!(done.notes, 1);
    let store = root.open();
    assert_eq!(note(&store, NoteKind::Commit), None);
    assert!(store.load_note(NoteKind::Commit, "new").unwrap().is_some());
}
