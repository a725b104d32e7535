//! Many processes on one store, and processes that are killed at any moment.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use cache::{CacheMount, Policy, Record, Sharing, StepKey, Store};
use oci::{DiffId, Digest};

use crate::support::{helper_root, new_store, put_image, reference, spawn_helper, wait_until};

/// Does to a store what a build does, in several rounds. All processes ask for the same things.
fn work(store: &Store, rounds: u32) {
    for round in 0..rounds {
        let name = format!("app{}", round % 3);
        let key = StepKey::of(name.as_bytes());
        let step = store.lock_step(&key).unwrap();
        let hit =
            store.load_record(&key).unwrap().filter(|hit| store.stat_blob(&hit.layer.0).unwrap().is_some());
        if hit.is_none() {
            let scratch = store.scratch().unwrap();
            std::fs::create_dir_all(scratch.path().join("upper/a")).unwrap();
            let mut writer = store.write_blob().unwrap();
            (0..20).for_each(|n: u8| writer.write_all(&[n; 10_000]).unwrap());
            let layer = DiffId(writer.commit(None).unwrap());
            let record = Record { layer, created_ms: 0, duration_ms: 0, inputs: BTreeMap::new() };
            store.save_record(&key, &record).unwrap();
        }
        drop(step);
        cache_mount(store).set_ready().unwrap();
        store.tag(&reference(&name), put_image(store, &name).entry).unwrap();
        if round % 5 == 4 {
            store.untag(&reference(&name)).unwrap();
        }
    }
}

/// Takes a cache mount, which another process can have while it fills it.
fn cache_mount(store: &Store) -> CacheMount {
    loop {
        if let Some(mount) = store.try_cache_mount("pip", Sharing::Shared).unwrap() {
            return mount;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn helper_works() {
    let Some(root) = helper_root() else { return };
    work(&Store::open(&root).unwrap(), 12);
}

#[test]
fn helper_works_and_collects_for_ever() {
    let Some(root) = helper_root() else { return };
    loop {
        work(&Store::open(&root).unwrap(), 3);
        // `None` if another process has the store open.
        let _done = Store::collect(&root, &Policy { budget_bytes: 0, keep_ms: 0 }).unwrap();
    }
}

#[test]
fn processes_that_share_a_store_leave_it_clean() {
    let test = new_store();
    let helpers: Vec<_> = (0..6).map(|_| spawn_helper("hammer::helper_works", test.root())).collect();
    for mut helper in helpers {
        assert!(helper.wait().unwrap().success());
    }
    let report = test.check(true).unwrap();
    assert!(report.is_clean() && report.leftovers == 0, "{report:?}");
    assert_eq!(report.stale_records, 0);
}

#[test]
fn the_store_stays_clean_when_processes_are_killed_at_any_moment() {
    let test = new_store();
    let root = test.root().to_owned();
    drop(test.store);
    for round in 0..12_u64 {
        let mut helpers: Vec<_> =
            (0..2).map(|_| spawn_helper("hammer::helper_works_and_collects_for_ever", &root)).collect();
        std::thread::sleep(Duration::from_millis(40 + round * 7));
        for helper in &mut helpers {
            helper.kill().unwrap();
            helper.wait().unwrap();
        }
        let store = Store::open(&root).unwrap();
        let report = store.check(true).unwrap();
        assert!(report.is_clean(), "round {round}: {report:?}");
        work(&store, 3);
        wait_until("leftovers are gone", || store.check(false).unwrap().leftovers == 0);
    }
}

#[test]
fn racing_writers_of_one_image_get_one_digest() {
    let test = new_store();
    let digests: Vec<Digest> = std::thread::scope(|scope| {
        let spawn = |_| scope.spawn(|| put_image(&Store::open(test.root()).unwrap(), "app").entry.digest);
        let threads: Vec<_> = (0..4).map(spawn).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}
