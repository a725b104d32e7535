//! Step locks: one holder at a time, and no files left behind.

use std::sync::atomic::{AtomicU32, Ordering};

use cache::{StepKey, Store};

use crate::support::{helper_root, new_store, spawn_helper, wait_until};

#[test]
fn one_thread_at_a_time_holds_a_step() {
    let test = new_store();
    let (inside, total) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (test, inside, total) = (&test, &inside, &total);
            scope.spawn(move || {
                let own = Store::open(test.root()).unwrap();
                let store: &Store = if thread % 2 == 0 { test } else { &own };
                for _ in 0..50 {
                    let _lock = store.lock_step(&StepKey::of(b"step")).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    total.fetch_add(1, Ordering::SeqCst);
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(total.into_inner(), 400);
    assert_eq!(std::fs::read_dir(test.root().join("steps")).unwrap().count(), 0);
}

#[test]
fn different_steps_do_not_wait_for_each_other() {
    let store = new_store();
    let _one = store.lock_step(&StepKey::of(b"one")).unwrap();
    let _two = store.lock_step(&StepKey::of(b"two")).unwrap();
}

#[test]
fn helper_holds_a_step() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    let _lock = store.lock_step(&StepKey::of(b"step")).unwrap();
    std::fs::write(root.join("tmp/../held"), "").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn a_killed_holder_of_a_step_blocks_nobody() {
    let store = new_store();
    let mut helper = spawn_helper("steps::helper_holds_a_step", store.root());
    wait_until("the helper has the lock", || store.root().join("held").exists());
    helper.kill().unwrap();
    helper.wait().unwrap();
    drop(store.lock_step(&StepKey::of(b"step")).unwrap());
    assert_eq!(std::fs::read_dir(store.root().join("steps")).unwrap().count(), 0);
}
