//! Opening a store: its layout, its owner, and what dead processes left in it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cache::{Store, StoreError};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::support::{helper_root, new_store, run_helper_on_tmpfs, spawn_helper, wait_until};

fn count(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

#[test]
fn a_dropped_scratch_directory_is_removed_without_following_links() {
    let store = new_store();
    let tmp = store.root().join("tmp");
    assert_eq!(count(&tmp), 0, "nothing is made before it is needed");
    let scratch = store.scratch().unwrap();
    let path = scratch.path().to_owned();
    std::fs::create_dir_all(path.join("a/b/c")).unwrap();
    std::os::unix::fs::symlink(store.root(), path.join("a/link")).unwrap();
    std::fs::set_permissions(path.join("a/b"), std::fs::Permissions::from_mode(0o000)).unwrap();
    drop(scratch);
    assert!(!path.exists());
    assert!(store.root().join("format").exists(), "links are not followed");
    let root = store.root().to_owned();
    drop(store.store);
    assert_eq!(count(&root.join("tmp")), 0);
}

#[test]
fn ext4_spreads_scratch_directories_over_the_disk() {
    const EXT4: i64 = 0xef53;
    let store = new_store();
    let tmp = std::fs::File::open(store.root().join("tmp")).unwrap();
    if rustix::fs::fstatfs(&tmp).unwrap().f_type != EXT4 {
        println!("SKIP the file system is not ext4");
        return;
    }
    let others = ioctl_getflags(&tmp).unwrap() | IFlags::NODUMP;
    ioctl_setflags(&tmp, others).unwrap();
    let _scratch = store.scratch().unwrap();
    assert_eq!(ioctl_getflags(&tmp).unwrap(), others | IFlags::TOPDIR);
}

#[test]
fn helper_drops_a_tree_with_a_mount_in_it() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root.join("store")).unwrap();
    let precious = root.join("precious");
    std::fs::create_dir_all(precious.join("folder")).unwrap();
    std::fs::write(precious.join("folder/file"), "").unwrap();
    let scratch = store.scratch().unwrap();
    let (inside, path) = (scratch.path().join("a/b"), scratch.path().to_owned());
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::write(scratch.path().join("a/ours"), "").unwrap();
    rustix::mount::mount_bind(&precious, &inside).unwrap();
    drop(scratch);
    assert!(precious.join("folder/file").exists(), "the content of a mount must stay");
    rustix::mount::unmount(&inside, rustix::mount::UnmountFlags::empty()).unwrap();
    rustix::mount::mount_bind(&precious, &path).unwrap();
    drop(store);
    assert!(precious.join("folder/file").exists(), "so must that of a mount on the top");
}

#[test]
fn privileged_mounts_in_a_removed_tree_are_left_alone() {
    run_helper_on_tmpfs("leftovers::helper_drops_a_tree_with_a_mount_in_it", "8m");
}

#[test]
fn a_tree_of_a_thousand_levels_is_removed() {
    let store = new_store();
    let scratch = store.scratch().unwrap();
    let name = "d".repeat(100);
    let mut dir =
        rustix::fs::open(scratch.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    for _ in 0..1000 {
        rustix::fs::mkdirat(&dir, name.as_str(), rustix::fs::Mode::RWXU).unwrap();
        dir = rustix::fs::openat(&dir, name.as_str(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty())
            .unwrap();
    }
    let path = scratch.path().to_owned();
    drop(scratch);
    assert!(!path.exists());
}

#[test]
fn helper_leaves_work() {
    let Some(root) = helper_root() else { return };
    let store = Store::open(&root).unwrap();
    let scratch = store.scratch().unwrap();
    std::fs::create_dir_all(scratch.path().join("work/work")).unwrap();
    let mut writer = store.write_blob().unwrap();
    std::fs::write(root.join("held"), "").unwrap();
    loop {
        std::io::Write::write_all(&mut writer, &[1; 4096]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[test]
fn opening_removes_the_work_of_dead_processes_only() {
    let test = new_store();
    let tmp = test.root().join("tmp");
    let mut helper = spawn_helper("leftovers::helper_leaves_work", test.root());
    wait_until("the helper works", || test.root().join("held").exists());
    let own = test.scratch().unwrap();
    drop(Store::open(test.root()).unwrap());
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(count(&tmp), 2, "both are alive");
    helper.kill().unwrap();
    helper.wait().unwrap();
    let _store = Store::open(test.root()).unwrap();
    wait_until("the leftover is gone", || count(&tmp) == 1);
    assert!(own.path().exists());
    assert_eq!(count(&test.root().join("blobs/sha256")), 0);
}

#[test]
fn opening_removes_stray_files_in_tmp() {
    let test = new_store();
    std::fs::write(test.root().join("tmp/stray"), "").unwrap();
    let _store = Store::open(test.root()).unwrap();
    wait_until("it is gone", || count(&test.root().join("tmp")) == 0);
}

/// Opens what `make` has made; the reason for the refusal must contain `expected`.
#[track_caller]
fn check_refused(make: impl FnOnce(&Path), expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    make(&root);
    match Store::open(&root) {
        Err(StoreError::Format { reason, .. }) => assert!(reason.contains(expected), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_refused_as_a_store() {
    check_refused(|root| std::fs::write(root, "").unwrap(), "not a directory");
}

#[test]
fn a_directory_with_other_files_is_refused_as_a_store() {
    let make = |root: &Path| {
        std::fs::create_dir(root).unwrap();
        std::fs::write(root.join("thesis.txt"), "").unwrap();
    };
    check_refused(make, "thesis.txt");
}

#[test]
fn a_store_of_another_version_is_refused() {
    let make = |root: &Path| {
        drop(Store::open(root).unwrap());
        std::fs::write(root.join("format"), "dsbuild store 2\n").unwrap();
    };
    check_refused(make, "dsbuild store 2");
}

#[test]
fn privileged_the_store_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIP needs root to give a store away");
        return;
    }
    let give_away = |root: &Path| {
        drop(Store::open(root).unwrap());
        std::os::unix::fs::chown(root, Some(4711), None).unwrap();
    };
    check_refused(give_away, "belongs to user 4711");
}

#[test]
fn a_half_made_store_is_completed() {
    for missing in
        [&["format"][..], &["format", "index.json"], &["format", "oci-layout", "index.json", "blobs"]]
    {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        for name in missing {
            let path = dir.path().join(name);
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap()
            } else {
                std::fs::remove_file(path).unwrap()
            }
        }
        let store = Store::open(dir.path()).unwrap();
        store.put_blob(b"x").unwrap();
        assert!(store.images().unwrap().is_empty());
    }
}

#[test]
fn threads_that_create_one_store_at_once_share_it() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..8_u8 {
            let root = dir.path().join("a/b/store");
            scope.spawn(move || Store::open(&root).unwrap().put_blob(&[n]).unwrap());
        }
    });
    assert_eq!(count(&dir.path().join("a/b/store/blobs/sha256")), 8);
}
