//! Records: round trip, and damage of every kind, which is a miss.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cache::{Record, StepKey, Store};
use oci::{DiffId, Digest};

use crate::support::new_store;

fn record() -> Record {
    Record {
        layer: DiffId(Digest::of(b"layer")),
        created_ms: 1,
        duration_ms: 2,
        inputs: BTreeMap::from([("env".to_owned(), "PATH=/bin".to_owned())]),
    }
}

fn path_of(store: &Store, key: &StepKey) -> PathBuf {
    let hex = key.to_string();
    store.root().join("records/v1").join(&hex[..2]).join(&hex[2..])
}

#[test]
fn the_record_that_was_saved_last_is_loaded() {
    let store = new_store();
    let key = StepKey::of(b"step");
    assert_eq!(store.load_record(&key).unwrap(), None);
    store.save_record(&key, &record()).unwrap();
    assert_eq!(store.load_record(&key).unwrap(), Some(record()));
    let newer = Record { created_ms: 9, ..record() };
    store.save_record(&key, &newer).unwrap();
    assert_eq!(Store::open(store.root()).unwrap().load_record(&key).unwrap(), Some(newer));
}

#[test]
fn every_flipped_bit_and_every_cut_is_a_miss() {
    let store = new_store();
    let key = StepKey::of(b"step");
    store.save_record(&key, &record()).unwrap();
    let path = path_of(&store, &key);
    let good = std::fs::read(&path).unwrap();
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert_eq!(store.load_record(&key).unwrap(), None, "bit flipped in byte {index}");
        std::fs::write(&path, &good[..index]).unwrap();
        assert_eq!(store.load_record(&key).unwrap(), None, "cut at {index}");
    }
    std::fs::write(&path, &good).unwrap();
    assert_eq!(store.load_record(&key).unwrap(), Some(record()));
}

#[test]
fn a_record_under_another_key_is_a_miss() {
    let store = new_store();
    let (key, other) = (StepKey::of(b"step"), StepKey::of(b"other"));
    store.save_record(&key, &record()).unwrap();
    store.save_record(&other, &record()).unwrap();
    std::fs::copy(path_of(&store, &key), path_of(&store, &other)).unwrap();
    assert_eq!(store.load_record(&other).unwrap(), None);
}

#[test]
fn a_directory_or_link_in_place_of_a_record_is_a_miss() {
    let store = new_store();
    let key = StepKey::of(b"step");
    store.save_record(&key, &record()).unwrap();
    let path = path_of(&store, &key);
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert_eq!(store.load_record(&key).unwrap(), None);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(store.load_record(&key).unwrap(), None);
}
