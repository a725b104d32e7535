//! Mounting: stacks of many layers, unfit file systems, and what remains afterwards.

use trees::TreeError;

use crate::RootfsError;
use std::ffi::OsString;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode};
use rustix::mount::MountFlags;

use super::{Env, base};
use crate::overlay::{Lower, MountApi, Overlay};
use crate::snapshot::bind;
use trees::safe_path::fd_path;
use trees::xattr::Flavor;

/// Makes `count` lower layers. Each has a file of its own and a version of `same`; the topmost removes the file of
/// the lowest.
fn many_lowers(env: &Env, count: usize) -> Vec<Lower> {
    let trees: Vec<PathBuf> = (0..count).map(|n| env.root.path().join(format!("layer{n}"))).collect();
    for (n, tree) in trees.iter().enumerate() {
        fs::create_dir(tree).unwrap();
        fs::write(tree.join(format!("file{n}")), "").unwrap();
        fs::write(tree.join("same"), n.to_string()).unwrap();
    }
    let whiteout = trees[count - 1].join("file0");
    rustix::fs::mknodat(rustix::fs::CWD, whiteout, FileType::CharacterDevice, Mode::empty(), 0).unwrap();
    trees.into_iter().map(Lower::Directory).collect()
}

/// Mounts `count` layers with `api`, and checks that all of them are there and in order.
#[track_caller]
fn check_many_layers(count: usize, api: MountApi) {
    let Some(env) = Env::new() else { return };
    let lowers = many_lowers(&env, count);
    let scratch = tempfile::tempdir_in(env.root.path()).unwrap();
    let (upper, work) = (scratch.path().join("upper"), scratch.path().join("work"));
    fs::create_dir(&upper).unwrap();
    fs::create_dir(&work).unwrap();
    let overlay = Overlay {
        lowers: &lowers,
        upper: Some((&upper, &work)),
        volatile: false,
        scratch: scratch.path(),
        flavor: Flavor::current(),
    };
    let mount = overlay.mount_with(api).unwrap();
    let root = fd_path(mount.as_fd());
    assert_eq!(fs::read_to_string(root.join("same")).unwrap(), (count - 1).to_string());
    assert!(!root.join("file0").exists());
    assert_eq!(fs::read_dir(&root).unwrap().count(), count, "the other files, and `same`");
    fs::write(root.join("new"), "").unwrap();
    assert!(upper.join("new").is_file());
}

#[test]
fn privileged_more_layers_than_one_overlay_takes_are_two_overlays() {
    check_many_layers(600, MountApi::Detached);
}

#[test]
fn privileged_more_layers_than_a_page_of_options_takes_are_two_overlays() {
    check_many_layers(300, MountApi::Options);
}

#[test]
fn privileged_more_layers_than_two_overlays_take_are_refused() {
    let Some(env) = Env::new() else { return };
    let lowers = vec![Lower::Directory(env.root.path().to_owned()); 1200];
    let overlay = Overlay {
        lowers: &lowers,
        upper: None,
        volatile: false,
        scratch: env.root.path(),
        flavor: Flavor::current(),
    };
    assert!(matches!(overlay.mount(), Err(RootfsError::Tree(TreeError::Limit { .. }))));
}

#[test]
fn privileged_a_snapshot_can_be_mounted_again() {
    let Some(env) = Env::new() else { return };
    let snapshot = env.layers.prepare(&[env.layer(&base())]).unwrap();
    for (n, volatile) in [true, false, true].into_iter().enumerate() {
        let mount = if volatile { snapshot.mount_volatile() } else { snapshot.mount() }.unwrap();
        let root = fd_path(mount.as_fd());
        assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), n);
        fs::write(root.join(format!("tmp/{n}")), "").unwrap();
    }
}

#[test]
fn privileged_no_mount_and_no_scratch_file_remains() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    env.run(&[base], &[], |root| fs::write(root.join("x"), "").unwrap());
    drop(env.layers.prepare(&[base]).unwrap());
    drop(bind(&env.layers, &[base], Path::new("opt"), true).unwrap());
    let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
    assert!(!mounts.contains(env.root.path().to_str().unwrap()), "{mounts}");
    let scratch_dirs = fs::read_dir(env.root.path().join("tmp")).unwrap();
    let left: Vec<OsString> = scratch_dirs
        .flat_map(|dir| fs::read_dir(dir.unwrap().path()).unwrap().map(|entry| entry.unwrap().file_name()))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// overlayfs itself mounts read-only, without an error, where it cannot make its work directory.
#[test]
fn privileged_an_overlay_without_an_inode_for_its_work_directory_names_the_full_disk() {
    let Some(env) = Env::new() else { return };
    let lowers = many_lowers(&env, 2);
    let disk = env.root.path().join("disk");
    fs::create_dir(&disk).unwrap();
    rustix::mount::mount("none", &disk, "tmpfs", MountFlags::empty(), c"nr_inodes=8").unwrap();
    let (upper, work) = (disk.join("upper"), disk.join("work"));
    fs::create_dir(&upper).unwrap();
    fs::create_dir(&work).unwrap();
    while fs::File::create_new(disk.join(fs::read_dir(&disk).unwrap().count().to_string())).is_ok() {}
    let overlay = Overlay {
        lowers: &lowers,
        upper: Some((&upper, &work)),
        volatile: false,
        scratch: env.root.path(),
        flavor: Flavor::current(),
    };
    for api in [MountApi::Detached, MountApi::Options] {
        let error = overlay.mount_with(api).unwrap_err();
        let RootfsError::Tree(TreeError::Io { source, .. }) = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }
}
