//! Roots: what they protect, and that nothing is collected when that is unknown.

use std::path::PathBuf;

use cache::{CONTAINER_ROOT_PREFIX, Policy, Problem, Store, StoreError};
use oci::Digest;

use crate::support::{Closed, fill_disk, helper_root, new_store, put_image, run_helper_on_tmpfs};

const ALL: Policy = Policy { budget_bytes: 0, keep_ms: 0 };

fn root_path(root: &Closed, name: &str) -> PathBuf {
    root.path().join("roots").join(name)
}

/// The number of blobs that a collection of everything removes.
fn collected(root: &Closed) -> u64 {
    root.collect(&ALL).blobs
}

#[test]
fn a_root_keeps_its_blobs_and_no_others() {
    let root = Closed::new();
    let store = root.open();
    let kept = store.put_blob(b"kept").unwrap();
    store.put_blob(b"other").unwrap();
    store.protect("app", [kept]).unwrap();
    drop(store);
    assert_eq!(collected(&root), 1);
    assert!(root.open().stat_blob(&kept).unwrap().is_some());
}

#[test]
fn a_root_of_a_manifest_does_not_keep_its_layers() {
    let root = Closed::new();
    let store = root.open();
    let image = put_image(&store, "app");
    store.protect("app", [image.entry.digest]).unwrap();
    drop(store);
    assert_eq!(collected(&root), 2);
}

#[test]
fn a_root_written_again_protects_what_it_lists_now() {
    let root = Closed::new();
    let store = root.open();
    let (one, two) = (store.put_blob(b"one").unwrap(), store.put_blob(b"two").unwrap());
    store.protect("app", [one]).unwrap();
    store.protect("app", [two]).unwrap();
    drop(store);
    assert_eq!(collected(&root), 1);
    assert!(root.open().stat_blob(&two).unwrap().is_some());
}

#[test]
fn a_removed_root_protects_nothing() {
    let root = Closed::new();
    let store = root.open();
    let blob = store.put_blob(b"blob").unwrap();
    store.protect("app", [blob]).unwrap();
    assert_eq!(store.gc_root_names().unwrap(), ["app"]);
    let gc_root = store.gc_root("app");
    assert!(gc_root.exists() && gc_root.remove().unwrap());
    assert!(!gc_root.exists() && !gc_root.remove().unwrap());
    drop(store);
    assert_eq!(collected(&root), 1);
}

#[test]
fn a_root_without_digests_is_intact() {
    let root = Closed::new();
    let store = root.open();
    store.protect("scratch", []).unwrap();
    assert!(store.check(false).unwrap().is_clean());
    drop(store);
    assert_eq!(collected(&root), 0);
}

#[test]
fn names_that_are_no_file_names_are_refused() {
    let store = new_store();
    for name in ["", ".", "..", ".hidden", "a/b", "../x", "a b", "ä"] {
        assert!(store.protect(name, []).is_err(), "{name:?}");
    }
    store.protect("container-0a.B_1", []).unwrap();
}

#[test]
fn any_damage_to_a_root_stops_collection() {
    let root = Closed::new();
    let store = root.open();
    let blob = store.put_blob(b"blob").unwrap();
    store.put_blob(b"other").unwrap();
    store.protect("app", [blob, Digest::of(b"absent")]).unwrap();
    drop(store);
    let path = root_path(&root, "app");
    let intact = std::fs::read(&path).unwrap();
    let check_stopped = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        match Store::collect(root.path(), &ALL) {
            Err(StoreError::BadRoot { path: found, .. }) => assert_eq!(found, path, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    };
    for index in 0..intact.len() {
        let mut changed = intact.clone();
        changed[index] ^= 1;
        check_stopped(&changed, &format!("bit flipped in byte {index}"));
        check_stopped(&intact[..index], &format!("cut at {index}"));
    }
    assert_eq!(root.open().check(false).unwrap().blobs, 2, "nothing was removed");
    std::fs::write(&path, &intact).unwrap();
    assert_eq!(collected(&root), 1);
}

#[test]
fn a_directory_in_place_of_a_root_stops_collection() {
    let root = Closed::new();
    root.open().protect("app", []).unwrap();
    std::fs::create_dir(root_path(&root, "dir")).unwrap();
    assert!(matches!(Store::collect(root.path(), &ALL), Err(StoreError::BadRoot { .. })));
}

#[test]
fn a_check_names_the_damaged_root() {
    let store = new_store();
    store.protect("app", []).unwrap();
    let path = store.root().join("roots/app");
    std::fs::write(&path, "sha256:").unwrap();
    let expected = Problem::Root { path, reason: "it has no checksum".to_owned() };
    assert_eq!(store.check(false).unwrap().problems, [expected]);
}

#[test]
fn a_container_without_a_root_stops_collection() {
    let root = Closed::new();
    let store = root.open();
    store.put_blob(b"blob").unwrap();
    let container = root.path().join("containers/c1");
    std::fs::create_dir(&container).unwrap();
    assert_eq!(store.check(false).unwrap().unprotected, std::slice::from_ref(&container));
    drop(store);
    match Store::collect(root.path(), &ALL) {
        Err(StoreError::NoRoot { container: found }) => assert_eq!(found, container),
        other => panic!("{other:?}"),
    }
    root.open().protect(&format!("{CONTAINER_ROOT_PREFIX}c1"), []).unwrap();
    assert_eq!(collected(&root), 1);
}

#[test]
fn files_among_the_containers_need_no_root() {
    let root = Closed::new();
    drop(root.open());
    std::fs::write(root.path().join("containers/.lock"), "").unwrap();
    assert_eq!(collected(&root), 0);
}

#[test]
fn helper_protects_on_a_full_disk() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    // The directories exist before the disk is full.
    store.protect("first", []).unwrap();
    fill_disk(&root.join("held"));
    assert!(store.protect("second", []).unwrap_err().is_no_space(), "the reserve is for removal");
    store.protect_from_reserve("second", [Digest::of(b"layer")]).unwrap();
    assert!(store.check(false).unwrap().is_clean());
}

#[test]
fn privileged_the_reserve_has_room_for_a_root_on_a_full_disk() {
    run_helper_on_tmpfs("roots::helper_protects_on_a_full_disk", "2m");
}
