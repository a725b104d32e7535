//! A full disk: errors that say so, a store that stays whole, and ways out.

use std::io::Write;
use std::path::Path;

use cache::{Policy, Store, StoreError};

use crate::support::{helper_root, put_image, reference, spawn_helper_on_tmpfs};

/// Runs a helper on a file system of two megabytes.
#[track_caller]
fn run(helper: &str) {
    let dir = tempfile::tempdir().unwrap();
    if let Some(mut helper) = spawn_helper_on_tmpfs(helper, dir.path(), "2m") {
        assert!(helper.wait().unwrap().success());
    }
}

/// Leaves not a byte.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

#[test]
fn helper_writes_until_nothing_is_left() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    let mut count = 0_u32;
    let error: StoreError = loop {
        let bytes = count.to_le_bytes().repeat(10_000);
        match store.put_blob(&bytes) {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_no_space() && count > 10, "{count}: {error:?}");
    let report = store.check(true).unwrap();
    assert!(report.is_clean() && report.blobs == u64::from(count), "{report:?}");
    drop(store);
    fill(&root.join("held"));
    let done = Store::collect(&root, &Policy { budget_bytes: 0, keep_ms: 0 }).unwrap().unwrap();
    assert_eq!(done.blobs, u64::from(count));
    Store::open(&root).unwrap().put_blob(&[1; 100_000]).unwrap();
}

#[test]
fn privileged_writing_fails_and_collection_helps() {
    run("full::helper_writes_until_nothing_is_left");
}

#[test]
fn helper_removes_an_image_on_a_full_disk() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    for name in ["a", "b", "c"] {
        store.tag(&reference(name), put_image(&store, name).entry).unwrap();
    }
    fill(&root.join("held"));
    let image = store.resolve(&reference("a")).unwrap().unwrap();
    assert!(store.remove_image(&image.digest).unwrap());
    assert_eq!(store.images().unwrap().len(), 2);
    fill(&root.join("held-too"));
    let error = store.untag(&reference("b")).unwrap_err();
    assert!(error.is_no_space(), "the reserve is spent: {error:?}");
    assert_eq!(store.images().unwrap().len(), 2, "the old list stays");
    drop(store);
    Store::collect(&root, &Policy { budget_bytes: 0, keep_ms: 0 }).unwrap().unwrap();
    let store = Store::open(&root).unwrap();
    assert!(store.untag(&reference("b")).unwrap());
    assert!(store.check(true).unwrap().is_clean());
}

#[test]
fn privileged_images_can_be_removed_from_a_full_disk() {
    run("full::helper_removes_an_image_on_a_full_disk");
}
