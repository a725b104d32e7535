//! Cache mounts: how they are shared, and when they count as new.

use std::sync::mpsc;
use std::time::Duration;

use cache::{Sharing, Store};

use crate::support::{helper_root, new_store, spawn_helper, wait_until};

#[test]
fn a_ready_mount_keeps_its_content() {
    let store = new_store();
    for sharing in [Sharing::Shared, Sharing::Private, Sharing::Locked] {
        let id = format!("id-{sharing:?}");
        let mut first = store.try_cache_mount(&id, sharing).unwrap().unwrap();
        assert!(first.is_new());
        std::fs::write(first.path().join("file"), "x").unwrap();
        first.set_ready().unwrap();
        drop(first);
        let second = store.try_cache_mount(&id, sharing).unwrap().unwrap();
        assert!(!second.is_new(), "{sharing:?}");
        assert!(second.path().join("file").exists(), "{sharing:?}");
    }
}

#[test]
fn a_mount_that_was_not_filled_starts_empty_again() {
    let store = new_store();
    for sharing in [Sharing::Shared, Sharing::Private, Sharing::Locked] {
        let id = format!("id-{sharing:?}");
        let first = store.try_cache_mount(&id, sharing).unwrap().unwrap();
        std::fs::write(first.path().join("half"), "").unwrap();
        drop(first);
        let second = store.try_cache_mount(&id, sharing).unwrap().unwrap();
        assert!(second.is_new(), "{sharing:?}");
        assert_eq!(std::fs::read_dir(second.path()).unwrap().count(), 0, "{sharing:?}");
    }
}

#[test]
fn users_of_a_shared_mount_get_one_directory() {
    let store = new_store();
    let mut first = store.try_cache_mount("id", Sharing::Shared).unwrap().unwrap();
    first.set_ready().unwrap();
    let second = store.try_cache_mount("id", Sharing::Shared).unwrap().unwrap();
    assert_eq!(first.path(), second.path());
}

#[test]
fn users_of_a_private_mount_get_an_instance_each() {
    let store = new_store();
    let first = store.try_cache_mount("id", Sharing::Private).unwrap().unwrap();
    let second = store.try_cache_mount("id", Sharing::Private).unwrap().unwrap();
    assert_ne!(first.path(), second.path());
    let path = first.path().to_owned();
    drop(first);
    assert_eq!(
        store.try_cache_mount("id", Sharing::Private).unwrap().unwrap().path(),
        path,
        "an unused one is taken again"
    );
}

#[test]
fn any_text_is_an_id() {
    let store = new_store();
    for id in ["", "/", "../../etc", "a\nb", "ä", &"x".repeat(10_000)] {
        let mount = store.try_cache_mount(id, Sharing::Locked).unwrap().unwrap();
        assert!(mount.path().starts_with(store.root().join("mounts")), "{id:?}");
    }
}

/// Returns whether a second user gets the mount while the first one holds it. Once the first is gone, the second must
/// get it in any case.
fn second_user_gets_in(first: Sharing, ready: bool, second: Sharing) -> bool {
    let test = new_store();
    let mut held = test.try_cache_mount("id", first).unwrap().unwrap();
    if ready {
        held.set_ready().unwrap();
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let root = test.root();
        scope.spawn(move || {
            let other = Store::open(root).unwrap();
            let mount = loop {
                if let Some(mount) = other.try_cache_mount("id", second).unwrap() {
                    break mount;
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            sender.send(mount.is_new()).unwrap();
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
fn users_wait_where_sharing_says_so() {
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
        assert_eq!(second_user_gets_in(first, ready, second), expected, "{first:?} {ready} {second:?}");
    }
}

#[test]
fn helper_fills_a_mount() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    let mount = store.try_cache_mount("id", Sharing::Locked).unwrap().unwrap();
    std::fs::write(mount.path().join("half"), "").unwrap();
    std::fs::write(root.join("held"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_mount_half_filled_by_a_killed_process_starts_empty_again() {
    let store = new_store();
    let mut helper = spawn_helper("mounts::helper_fills_a_mount", store.root());
    wait_until("the helper has the mount", || store.root().join("held").exists());
    helper.kill().unwrap();
    helper.wait().unwrap();
    let mount = store.try_cache_mount("id", Sharing::Locked).unwrap().unwrap();
    assert!(mount.is_new());
    assert_eq!(std::fs::read_dir(mount.path()).unwrap().count(), 0);
}

#[test]
fn a_mount_that_has_lost_its_data_begins_empty() {
    let store = new_store();
    let mut lost = store.try_cache_mount("m", Sharing::Locked).unwrap().unwrap();
    lost.set_ready().unwrap();
    let data = lost.path().to_owned();
    drop(lost);
    std::fs::remove_dir(&data).unwrap();
    let mount = store.try_cache_mount("m", Sharing::Locked).unwrap().unwrap();
    assert!(mount.is_new() && data.is_dir());
}
