//! Creating, finding and removing containers.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use oci::{DiffId, Digest};
use runner::RunnerError;
use runner::container::{Container, ContainerState, reconcile};
use runner::log::{LogLimits, LogReader, LogWriter};
use rustix::fs::{CWD, Mode, mkfifoat};

use crate::support::{TestStore, config, fill_disk, helper_root, run_helper_on_tmpfs};

fn no_layer() -> DiffId {
    DiffId(Digest::of(b"layer"))
}

#[test]
fn a_taken_name_is_refused() {
    let store = TestStore::new();
    store.container("app", &no_layer());
    let error = store.create(config("app", &no_layer())).expect_err("the name is taken");
    assert!(matches!(error, RunnerError::NameTaken { .. }), "{error}");
}

#[test]
fn an_invalid_name_is_refused() {
    let error = TestStore::new().create(config("../app", &no_layer())).expect_err("an invalid name");
    assert!(matches!(error, RunnerError::BadName { .. }), "{error}");
}

#[test]
fn an_unknown_stop_signal_is_refused() {
    let store = TestStore::new();
    let mut config = config("app", &no_layer());
    config.stop_signal = "SIGNOPE".to_owned();
    let error = store.create(config).expect_err("a signal that does not exist");
    assert_eq!(error.to_string(), "invalid signal: SIGNOPE, the STOPSIGNAL of the image");
    assert!(store.names().is_empty());
}

#[test]
fn a_container_is_found_by_name_id_and_unique_digits() {
    let store = TestStore::new();
    let (one, two) = (store.container("one", &no_layer()), store.container("two", &no_layer()));
    let find = |name: &str| Container::find(&store.open(), name).map(|found| found.config.name);
    assert_eq!(find("one").expect("a name"), "one");
    assert_eq!(find(&two.config.id).expect("an id"), "two");
    assert_eq!(find(&one.config.id[..32]).expect("the first digits"), "one");
    assert!(matches!(find("three"), Err(RunnerError::NoContainer { .. })));
    assert!(matches!(find(""), Err(RunnerError::NoContainer { .. })));
}

#[test]
fn digits_that_begin_several_ids_are_ambiguous() {
    let store = TestStore::new();
    for n in 0..2 {
        let mut config = config(&format!("app{n}"), &no_layer());
        config.id = format!("abc{n}{}", "0".repeat(60));
        store.create(config).expect("a container");
    }
    let found = Container::find(&store.open(), "abc");
    assert!(matches!(found, Err(RunnerError::Ambiguous { .. })), "{found:?}");
}

#[test]
fn a_watched_container_counts_as_running_and_stays() {
    let store = TestStore::new();
    let container = store.container("app", &no_layer());
    assert!(!container.is_running());
    let lock = container.watch().expect("nobody watches it");
    assert!(container.is_running());
    assert!(matches!(container.watch(), Err(RunnerError::Running { .. })));
    assert!(matches!(container.remove(), Err(RunnerError::Running { .. })));
    drop(lock);
    container.remove().expect("it does not run any more");
    assert!(store.names().is_empty());
}

/// C.13: a store that somebody else has prepared leads no write out of it.
#[test]
fn no_file_of_a_container_is_written_through_a_symlink() {
    let store = TestStore::new();
    let outside = tempfile::tempdir().expect("a directory for the test");
    let canary = outside.path().join("canary");
    std::fs::write(&canary, "canary").expect("files can be written");
    let container = store.container("app", &no_layer());
    let containers = store.path("containers");
    let put_link = |path: &std::path::Path| {
        let _ = std::fs::remove_file(path);
        symlink(&canary, path).expect("symlinks can be made");
    };
    for name in ["lock", "state.json", ".state.json.tmp", ".config.json.tmp", "log", "log.1"] {
        put_link(&container.dir().join(name));
    }
    put_link(&containers.join(".lock"));
    assert!(container.watch().is_err());
    container.save_state(&ContainerState::default()).expect("it replaces the symlinks");
    assert!(LogReader::open(container.dir()).is_err());
    let (reader, writer) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut &writer, b"output\n").expect("a pipe takes a line");
    drop(writer);
    let log = LogWriter::new(container.dir(), LogLimits::default());
    crate::log::copy(&log, reader).expect("the pipe can be read");
    assert!(store.create(config("other", &no_layer())).is_err());
    assert_eq!(std::fs::read_to_string(&canary).expect("it exists"), "canary");
}

#[test]
fn helper_saves_a_state_on_a_full_disk() {
    let Some(root) = helper_root() else { return };
    let store = cache::Store::open(&root).expect("a store");
    let container = Container::create(&store, config("app", &no_layer())).expect("a container");
    let started = ContainerState { started_ms: Some(1), ..ContainerState::default() };
    container.save_state(&started).expect("there is room");
    fill_disk(&root.join("filler"));
    let ended = ContainerState { ended_ms: Some(2), exit_code: Some(7), ..started };
    container.save_state(&ended).expect("it needs no room");
    assert_eq!(container.state().exit_code, Some(7));
}

#[test]
fn privileged_the_end_of_a_container_is_known_on_a_full_disk() {
    run_helper_on_tmpfs("containers::helper_saves_a_state_on_a_full_disk", "4m");
}

/// Replaces a file of the store by a FIFO.
fn replace_by_fifo(path: &Path) {
    fs::remove_file(path).expect("the file exists");
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).expect("a FIFO");
}

#[test]
fn a_fifo_in_place_of_the_lock_is_an_error_and_not_waited_for() {
    let store = TestStore::new();
    store.container("app", &no_layer());
    replace_by_fifo(&store.path("containers/.lock"));
    let error = store.create(config("other", &no_layer())).expect_err("the lock cannot be taken");
    let RunnerError::Io { path, source, .. } = &error else { panic!("{error}") };
    assert!(path.ends_with("containers/.lock"), "{}", path.display());
    assert_eq!(source.to_string(), "not a regular file");
}

#[test]
fn a_fifo_in_place_of_a_state_counts_as_no_state() {
    let store = TestStore::new();
    let container = store.container("app", &no_layer());
    let ended = ContainerState { exit_code: Some(3), ..ContainerState::default() };
    container.save_state(&ended).expect("room for a state");
    replace_by_fifo(&container.dir().join("state.json"));
    assert_eq!(container.state().exit_code, None);
    container.save_state(&ended).expect("the FIFO is replaced");
    assert_eq!(container.state().exit_code, Some(3));
}

/// Expects that a container is not listed once `damage` has replaced its config.json, and that its directory stays.
#[track_caller]
fn check_damaged_config(damage: fn(&Path)) {
    let store = TestStore::new();
    let container = store.container("app", &no_layer());
    let config = container.dir().join("config.json");
    damage(&config);
    assert!(store.names().is_empty(), "{:?}", store.names());
    reconcile(&store.open()).expect("the rest of the store is as it was");
    assert!(config.symlink_metadata().is_ok(), "the container was removed");
}

#[test]
fn a_container_with_a_damaged_config_is_not_listed_and_not_removed() {
    check_damaged_config(replace_by_fifo);
    check_damaged_config(|config| fs::write(config, "{").expect("a damaged file"));
    let link = |config: &Path| {
        let kept = config.with_file_name("kept");
        fs::rename(config, &kept).and_then(|()| symlink(&kept, config)).expect("a symlink");
    };
    check_damaged_config(link);
    check_damaged_config(|config| {
        fs::remove_file(config).and_then(|()| symlink("/nowhere", config)).expect("a symlink that dangles");
    });
}

#[test]
fn a_symlink_in_place_of_a_directory_is_no_container() {
    let store = TestStore::new();
    let container = store.container("app", &no_layer());
    let elsewhere = store.path("elsewhere");
    fs::rename(container.dir(), &elsewhere)
        .and_then(|()| symlink(&elsewhere, container.dir()))
        .expect("a symlink");
    assert!(store.names().is_empty(), "{:?}", store.names());
    // A store that is opened now would refuse the symlink; this one was open before.
    let opened = store.open();
    let containers = store.path("containers");
    fs::rename(&containers, store.path("all")).and_then(|()| symlink("all", &containers)).expect("a symlink");
    let error = Container::list(&opened).expect_err("a symlink in place of the directory of all containers");
    assert!(matches!(error, RunnerError::Io { .. }), "{error}");
}
