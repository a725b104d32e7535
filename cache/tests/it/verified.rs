//! Damaged blobs are noticed by their readers, and heal when the content comes again.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use cache::{Store, StoreError};
use oci::{DiffId, Digest};

use crate::support::new_store;

/// Flips a bit in the middle of a blob, whose length stays as it is.
fn damage(store: &Store, digest: &Digest) {
    let path = store.blob_path(digest);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, bytes).unwrap();
}

fn write(store: &Store, bytes: &[u8]) -> Digest {
    let mut blob = store.write_blob().unwrap();
    blob.write_all(bytes).unwrap();
    blob.commit(None).unwrap()
}

const SIZES: [usize; 4] = [1, 1000, 100_000, 3_000_000];

#[test]
fn a_damaged_blob_is_removed_and_a_good_one_stays() {
    let store = new_store();
    for size in SIZES {
        let digest = write(&store, &vec![7; size]);
        assert!(!store.remove_if_corrupt(&digest).unwrap());
        damage(&store, &digest);
        assert!(store.remove_if_corrupt(&digest).unwrap());
        assert_eq!(store.stat_blob(&digest).unwrap(), None);
    }
}

#[test]
fn a_blob_that_changed_after_it_was_verified_is_verified_again() {
    let store = new_store();
    for size in SIZES {
        let digest = write(&store, &vec![7; size]);
        for _ in 0..2 {
            store.open_verified_blob(&digest).unwrap();
        }
        let other = Store::open(store.root()).unwrap();
        other.open_verified_blob(&digest).unwrap();
        damage(&store, &digest);
        for store in [&*store, &other] {
            let error = store.open_verified_blob(&digest).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. } | StoreError::Missing { .. }), "{error}");
        }
    }
}

/// A mark of use changes the file's time, too.
#[test]
fn a_mark_of_use_keeps_the_stamp() {
    let store = new_store();
    let digest = write(&store, &vec![7; 100_000]);
    let other = Store::open(store.root()).unwrap();
    other.open_verified_blob(&digest).unwrap();
    let file = fs::File::open(store.blob_path(&digest)).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(7200)).unwrap();
    // The change that the test made counts like any other.
    assert!(!store.is_verified(&DiffId(digest), "blob", &file));
    store.set_verified(&DiffId(digest), "blob", &file);
    store.open_blob(&digest).unwrap();
    assert!(store.is_verified(&DiffId(digest), "blob", &file));
}

#[test]
fn a_put_replaces_a_damaged_blob_of_the_same_name() {
    let store = new_store();
    for size in SIZES {
        let bytes = vec![7; size];
        let digest = store.put_blob(&bytes).unwrap();
        damage(&store, &digest);
        store.put_blob(&bytes).unwrap();
        store.verify_blob(&digest).unwrap();
        damage(&store, &digest);
        write(&store, &bytes);
        store.verify_blob(&digest).unwrap();
    }
}

#[test]
fn a_derived_file_of_another_layer_or_name_is_not_read() {
    let store = new_store();
    let (one, two) = (DiffId(Digest::of(b"1")), DiffId(Digest::of(b"2")));
    store.save_checked(&one, "note", b"content").unwrap();
    assert_eq!(store.read_checked(&one, "note").unwrap(), b"content");
    store.layer_dir(&two).unwrap();
    let path = |layer: &DiffId| store.root().join("layers").join(layer.0.hex()).join("note");
    fs::copy(path(&one), path(&two)).unwrap();
    assert_eq!(store.read_checked(&two, "note"), None);
    fs::copy(path(&one), path(&one).with_file_name("other")).unwrap();
    assert_eq!(store.read_checked(&one, "other"), None);
    for bad in [&b""[..], b"content", b"\ncontent"] {
        fs::write(path(&one), bad).unwrap();
        assert_eq!(store.read_checked(&one, "note"), None);
    }
}
