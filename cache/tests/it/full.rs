//! A full disk: errors that say so, a store that stays whole, and ways out.

use cache::{Policy, Store, StoreError};

use crate::support::{fill_disk, helper_root, put_image, reference, run_helper_on_tmpfs};

const ALL: Policy = Policy { budget_bytes: 0, keep_ms: 0 };

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
    fill_disk(&root.join("held"));
    let done = Store::collect(&root, &ALL).unwrap().unwrap();
    assert_eq!(done.blobs, u64::from(count));
    Store::open(&root).unwrap().put_blob(&[1; 100_000]).unwrap();
}

#[test]
fn privileged_collection_makes_room_on_a_full_disk() {
    run_helper_on_tmpfs("full::helper_writes_until_nothing_is_left", "2m");
}

#[test]
fn helper_removes_an_image_on_a_full_disk() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    for name in ["a", "b", "c"] {
        store.tag(&reference(name), put_image(&store, name).entry).unwrap();
    }
    fill_disk(&root.join("held"));
    let image = store.resolve(&reference("a")).unwrap().unwrap();
    assert!(store.remove_image(&image.digest).unwrap());
    assert_eq!(store.images().unwrap().len(), 2);
    fill_disk(&root.join("held-too"));
    // The list before the last change makes room for the next one.
    assert!(store.untag(&reference("b")).unwrap());
    assert_eq!(store.images().unwrap().len(), 2, "the image stays without its name");
    drop(store);
    Store::collect(&root, &ALL).unwrap().unwrap();
    let store = Store::open(&root).unwrap();
    assert!(store.untag(&reference("c")).unwrap());
    assert!(store.check(true).unwrap().is_clean());
}

#[test]
fn privileged_an_image_can_be_removed_from_a_full_disk() {
    run_helper_on_tmpfs("full::helper_removes_an_image_on_a_full_disk", "2m");
}

/// Creates files until the file system has no inode left.
fn use_up_inodes(dir: &std::path::Path) {
    std::fs::create_dir(dir).unwrap();
    let mut count = 0;
    while std::fs::File::create(dir.join(count.to_string())).is_ok() {
        count += 1;
    }
}

#[test]
fn helper_removes_images_without_an_inode() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    for name in ["a", "b", "c"] {
        store.tag(&reference(name), put_image(&store, name).entry).unwrap();
    }
    drop(store);
    use_up_inodes(&root.join("volumes"));
    let store = Store::open(&root).unwrap();
    let error = store.put_blob(&[1; 100]).unwrap_err();
    assert!(error.is_no_space(), "{error:?}");
    assert!(store.untag(&reference("a")).unwrap());
    assert_eq!(store.images().unwrap().len(), 3, "the image stays without its name");
    drop(store);
    let done = Store::collect(&root, &ALL).unwrap().unwrap();
    assert_eq!((done.blobs, done.images), (3, 1));
    let store = Store::open(&root).unwrap();
    assert!(store.untag(&reference("b")).unwrap());
    assert!(store.check(true).unwrap().is_clean());
}

#[test]
fn privileged_images_can_be_removed_without_an_inode() {
    run_helper_on_tmpfs("full::helper_removes_images_without_an_inode", "8m,nr_inodes=200");
}
