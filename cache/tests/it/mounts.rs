//! Cache mounts: how they are shared, and when they count as new.

use std::sync::mpsc;
use std::time::Duration;

use cache::{Sharing, Store};

use crate::support::{helper_root, new_store, spawn_helper, wait_until};

#[test]
fn content_stays_and_is_new_once() {
    let store = new_store();
    for sharing in [Sharing::Shared, Sharing::Private, Sharing::Locked] {
        let id = format!("id-{sharing:?}");
        let mut first = store.cache_mount(&id, sharing).unwrap();
        assert!(first.is_new());
        std::fs::write(first.path().join("file"), "x").unwrap();
        first.set_ready().unwrap();
        drop(first);
        let second = store.cache_mount(&id, sharing).unwrap();
        assert!(!second.is_new(), "{sharing:?}");
        assert!(second.path().join("file").exists(), "{sharing:?}");
    }
}

#[test]
fn one_that_could_not_be_filled_starts_anew() {
    let store = new_store();
    for sharing in [Sharing::Shared, Sharing::Private, Sharing::Locked] {
        let id = format!("id-{sharing:?}");
        let first = store.cache_mount(&id, sharing).unwrap();
        std::fs::write(first.path().join("half"), "").unwrap();
        drop(first);
        let second = store.cache_mount(&id, sharing).unwrap();
        assert!(second.is_new(), "{sharing:?}");
        assert_eq!(std::fs::read_dir(second.path()).unwrap().count(), 0, "{sharing:?}");
    }
}

#[test]
fn shared_ones_are_the_same_and_private_ones_are_not() {
    let store = new_store();
    let mut a = store.cache_mount("shared", Sharing::Shared).unwrap();
    a.set_ready().unwrap();
    let b = store.cache_mount("shared", Sharing::Shared).unwrap();
    assert_eq!(a.path(), b.path());
    let c = store.cache_mount("private", Sharing::Private).unwrap();
    let d = store.cache_mount("private", Sharing::Private).unwrap();
    assert_ne!(c.path(), d.path());
    let path = c.path().to_owned();
    drop(c);
    assert_eq!(store.cache_mount("private", Sharing::Private).unwrap().path(), path);
}

#[test]
fn ids_are_any_text() {
    let store = new_store();
    for id in ["", "/", "../../etc", "a\nb", "ä", &"x".repeat(10_000)] {
        let mount = store.cache_mount(id, Sharing::Locked).unwrap();
        assert!(mount.path().starts_with(store.root().join("mounts")), "{id:?}");
    }
}

/// True if another handle gets the mount while `first` is held; it gets it in any case once that is gone.
fn second_gets_in(first: Sharing, ready: bool, second: Sharing) -> bool {
    let test = new_store();
    let mut held = test.cache_mount("id", first).unwrap();
    if ready {
        held.set_ready().unwrap();
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let root = test.root();
        scope.spawn(move || {
            let other = Store::open(root).unwrap();
            sender.send(other.cache_mount("id", second).unwrap().is_new()).unwrap();
        });
        let early = receiver.recv_timeout(Duration::from_millis(150));
        drop(held);
        if early.is_err() {
            assert_eq!(
                receiver.recv_timeout(Duration::from_secs(10)).unwrap(),
                !ready,
                "new if never filled"
            );
        }
        early.is_ok()
    })
}

#[test]
fn who_waits_for_whom() {
    use Sharing::{Locked, Private, Shared};
    let cases = [
        (Locked, true, Locked, false),
        (Locked, true, Shared, false),
        (Shared, true, Shared, true),
        (Shared, true, Locked, false),
        (Shared, false, Shared, false),
        (Private, true, Private, true),
        (Locked, true, Private, true),
    ];
    for (first, ready, second, expected) in cases {
        assert_eq!(second_gets_in(first, ready, second), expected, "{first:?} {ready} {second:?}");
    }
}

#[test]
fn helper_fills_a_mount() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    let mount = store.cache_mount("id", Sharing::Locked).unwrap();
    std::fs::write(mount.path().join("half"), "").unwrap();
    std::fs::write(root.join("held"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn half_filled_mount_of_a_killed_process_starts_anew() {
    let store = new_store();
    let mut helper = spawn_helper("mounts::helper_fills_a_mount", store.root());
    wait_until("the helper has the mount", || store.root().join("held").exists());
    helper.kill().unwrap();
    helper.wait().unwrap();
    let mount = store.cache_mount("id", Sharing::Locked).unwrap();
    assert!(mount.is_new());
    assert_eq!(std::fs::read_dir(mount.path()).unwrap().count(), 0);
}
