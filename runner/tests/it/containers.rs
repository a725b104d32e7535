//! Creating, finding and removing containers.

use oci::{DiffId, Digest};
use runner::RunnerError;
use runner::container::Container;

use crate::support::{TestStore, config};

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
