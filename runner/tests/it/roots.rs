//! Roots: layers of containers are never collected, whatever was killed in between and whoever made the container.

use std::fs;

use cache::StoreError;
use oci::DiffId;
use runner::container::{Container, reconcile};

use crate::support::{TestStore, config};

fn root_path(store: &TestStore, container: &Container) -> std::path::PathBuf {
    store.path("roots").join(format!("container-{}", container.config.id))
}

/// A container as versions without roots made them.
fn old_container(store: &TestStore, layer: &DiffId) -> Container {
    let container = store.container("old", layer);
    fs::remove_file(root_path(store, &container)).expect("it has a root");
    container
}

#[track_caller]
fn check_refused(store: &TestStore, layer: &DiffId) {
    let result = store.collect();
    assert!(matches!(result, Err(StoreError::NoRoot { .. })), "{result:?}");
    assert!(store.has(layer));
}

#[test]
fn the_layers_of_a_container_stay_until_it_is_removed() {
    let store = TestStore::new();
    let layer = store.layer();
    let container = store.container("app", &layer);
    store.collect().expect("collected");
    assert!(store.has(&layer));
    container.remove().expect("removed");
    assert!(!root_path(&store, &container).exists());
    store.collect().expect("collected");
    assert!(!store.has(&layer));
}

#[test]
fn the_layers_of_an_old_container_stay_because_collection_refuses() {
    let store = TestStore::new();
    let layer = store.layer();
    old_container(&store, &layer);
    check_refused(&store, &layer);
}

#[test]
fn reconciling_gives_an_old_container_a_root() {
    let store = TestStore::new();
    let layer = store.layer();
    old_container(&store, &layer);
    reconcile(&store.open()).expect("reconciled");
    store.collect().expect("collected");
    assert!(store.has(&layer));
}

#[test]
fn creating_a_container_gives_old_ones_a_root() {
    let store = TestStore::new();
    let layer = store.layer();
    let old = old_container(&store, &layer);
    store.container("new", &layer);
    assert!(root_path(&store, &old).exists());
}

#[test]
fn an_old_container_with_a_damaged_config_keeps_collection_away() {
    let store = TestStore::new();
    let layer = store.layer();
    let container = old_container(&store, &layer);
    fs::write(container.dir().join("config.json"), "{").expect("written");
    reconcile(&store.open()).expect("reconciled");
    check_refused(&store, &layer);
}

#[test]
fn reconciling_keeps_the_root_of_a_container_with_a_damaged_config() {
    let store = TestStore::new();
    let layer = store.layer();
    let container = store.container("app", &layer);
    fs::write(container.dir().join("config.json"), "{").expect("written");
    reconcile(&store.open()).expect("reconciled");
    store.collect().expect("collected");
    assert!(store.has(&layer));
}

#[test]
fn reconciling_removes_the_root_of_a_container_that_is_gone() {
    let store = TestStore::new();
    let container = store.container("app", &store.layer());
    fs::remove_dir_all(container.dir()).expect("removed");
    store.open().protect("mine", []).expect("protected");
    reconcile(&store.open()).expect("reconciled");
    assert_eq!(store.open().gc_root_names().expect("a list"), ["mine"]);
}

#[test]
fn reconciling_removes_what_a_killed_process_left_of_a_container() {
    let store = TestStore::new();
    let container = store.container("app", &store.layer());
    fs::write(container.dir().join("log"), "").expect("written");
    fs::remove_file(container.dir().join("config.json")).expect("removed");
    reconcile(&store.open()).expect("reconciled");
    assert!(!container.dir().exists() && !root_path(&store, &container).exists());
}

#[test]
fn reconciling_leaves_a_directory_with_unknown_files_alone() {
    let store = TestStore::new();
    let layer = store.layer();
    let file = store.path("containers/mine/thesis.txt");
    fs::create_dir_all(file.parent().expect("it is in a directory")).expect("made");
    fs::write(&file, "").expect("written");
    reconcile(&store.open()).expect("reconciled");
    assert!(file.exists());
    check_refused(&store, &layer);
}

#[test]
fn reconciling_leaves_a_container_that_is_watched_alone() {
    let store = TestStore::new();
    let container = store.create(config("app", &store.layer())).expect("a container");
    let lock = container.watch().expect("nobody watches it");
    fs::remove_file(container.dir().join("config.json")).expect("removed");
    reconcile(&store.open()).expect("reconciled");
    assert!(container.dir().exists());
    drop(lock);
}
