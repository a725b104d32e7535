//! Stores with something else in the place of a directory or file: named when they are opened, and repaired.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cache::{Store, StoreError};

use crate::support::{Closed, put_image, reference};

/// Content of the file to which symbolic links lead.
const KEPT: &str = "kept";

/// Puts something in the place of `name`, and checks the repair, and for a directory at the top the error of the next opening.
#[track_caller]
fn check(name: &str, is_of_top: bool, put: fn(&Path, &Path)) {
    let (closed, outside) = (Closed::new(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("file"), KEPT).unwrap();
    let store = closed.open();
    store.tag(&reference("a"), put_image(&store, "a").entry).unwrap();
    drop(store);
    let path = closed.path().join(name);
    if path.exists() {
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.unwrap();
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    put(&path, outside.path());
    if is_of_top {
        let error = Store::open(closed.path()).unwrap_err();
        assert!(matches!(&error, StoreError::Misplaced { path: found } if *found == path), "{error}");
    }
    assert_eq!(Store::repair_layout(closed.path()).unwrap(), [path]);
    let store = closed.open();
    store.tag(&reference("b"), put_image(&store, "b").entry).unwrap();
    assert!(store.resolve(&reference("b")).unwrap().is_some());
    let kept: Vec<_> =
        fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["file"]);
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), KEPT);
}

fn put_link(path: &Path, outside: &Path) {
    symlink(outside, path).unwrap();
}

fn put_link_to_file(path: &Path, outside: &Path) {
    symlink(outside.join("file"), path).unwrap();
}

fn put_file(path: &Path, _: &Path) {
    fs::write(path, "a file").unwrap();
}

fn put_dir(path: &Path, _: &Path) {
    fs::create_dir(path).unwrap();
}

#[test]
fn a_link_or_file_in_place_of_a_directory_is_named_and_repaired() {
    for name in ["tmp", "blobs", "blobs/sha256", "records", "records/v1", "layers", "stat", "steps", "mounts"]
    {
        check(name, true, put_link);
        check(name, true, put_file);
    }
}

#[test]
fn a_link_or_directory_in_place_of_a_file_is_repaired() {
    for name in ["lock", "format", "oci-layout", "index.json", "index.json.lock", "collected"] {
        check(name, false, put_link_to_file);
        check(name, false, put_dir);
    }
    for name in [
        "containers/.lock",
        "mounts/m/0/ready",
        "stat/s",
        "steps/s",
        "pins/p",
        "layers/l/index",
        "records/v1/ab/cd",
    ] {
        check(name, false, put_link_to_file);
        check(name, false, put_dir);
    }
}

#[test]
fn a_link_or_file_in_place_of_a_directory_below_is_repaired() {
    for name in ["pins", "roots", "records/v1/ab", "layers/l", "layers/l/tree", "mounts/m", "mounts/m/0/data"]
    {
        check(name, false, put_link);
        check(name, false, put_file);
    }
}

#[test]
fn a_directory_that_is_no_store_is_not_repaired() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("layers"), KEPT).unwrap();
    fs::write(dir.path().join("lock"), KEPT).unwrap();
    assert!(Store::repair_layout(dir.path()).unwrap().is_empty());
    assert!(Store::repair_layout(&dir.path().join("absent")).unwrap().is_empty());
    assert_eq!(fs::read_to_string(dir.path().join("layers")).unwrap(), KEPT);
}
