//! Mount points that a sandbox made are removed, without touching anything else.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::{EMPTY, Env, base, check_top, stub};
use crate::snapshot::Stub;
use trees::safe_path::fd_path;

/// Makes mount points as a sandbox does before a process starts, and returns the list that it reports.
fn make_mount_points(root: &Path) -> Vec<Stub> {
    fs::write(root.join("etc/hosts"), "").unwrap();
    fs::create_dir(root.join("proc")).unwrap();
    fs::create_dir_all(root.join("run/secrets")).unwrap();
    fs::write(root.join("run/secrets/key"), "").unwrap();
    vec![
        stub("etc/hosts", false),
        stub("/proc", true),
        stub("run", true),
        stub("run/secrets", true),
        stub("run/secrets/key", false),
    ]
}

#[test]
fn privileged_unused_mount_points_leave_no_trace() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let snapshot = env.layers.prepare(&[base]).unwrap();
    let mount = snapshot.mount().unwrap();
    let before = fs::metadata(fd_path(mount.as_fd())).unwrap();
    let stubs = make_mount_points(&fd_path(mount.as_fd()));
    drop(mount);
    let layer = snapshot.commit(&stubs).unwrap();
    check_top(&env, &[base, layer], EMPTY);
    assert_eq!(before.mode() & 0o7777, 0o755);
}

#[test]
fn privileged_mount_points_that_are_used_stay() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let snapshot = env.layers.prepare(&[base]).unwrap();
    let mount = snapshot.mount().unwrap();
    let root = fd_path(mount.as_fd());
    let mut stubs = make_mount_points(&root);
    stubs.push(stub("opt/gone", true));
    stubs.push(stub("", true));
    fs::write(root.join("run/pid"), "1").unwrap();
    fs::remove_file(root.join("etc/hosts")).unwrap();
    fs::write(root.join("etc/hosts"), "filled").unwrap();
    fs::remove_dir(root.join("proc")).unwrap();
    fs::write(root.join("proc"), "").unwrap();
    drop(mount);
    let layer = snapshot.commit(&stubs).unwrap();
    check_top(&env, &[base, layer], ["etc", "etc/hosts", "proc", "run", "run/pid"]);
}

#[test]
fn privileged_parents_of_mount_points_get_their_time_back() {
    let Some(env) = Env::new() else { return };
    let base = env.layer(&base());
    let snapshot = env.layers.prepare(&[base]).unwrap();
    let mount = snapshot.mount().unwrap();
    let root = fd_path(mount.as_fd());
    fs::set_permissions(root.join("opt"), PermissionsExt::from_mode(0o700)).unwrap();
    fs::create_dir(root.join("opt/stub")).unwrap();
    drop(mount);
    let layer = snapshot.commit(&[stub("opt/stub", true)]).unwrap();
    check_top(&env, &[base, layer], ["opt"]);
    let opt = env.layers.view(&[base, layer]).unwrap().lookup(Path::new("opt")).unwrap().unwrap();
    assert_eq!((opt.mode, opt.mtime.seconds), (0o700, 1_000_000_000));
}

/// CVE-2024-23652: the process replaces the parent of a mount point by a symlink to the host.
#[test]
fn privileged_mount_points_are_not_removed_through_symlinks() {
    let Some(env) = Env::new() else { return };
    let host = tempfile::tempdir().unwrap();
    fs::create_dir(host.path().join("stub")).unwrap();
    fs::write(host.path().join("file"), "").unwrap();
    let base = env.layer(&base());
    let snapshot = env.layers.prepare(&[base]).unwrap();
    let mount = snapshot.mount().unwrap();
    let root = fd_path(mount.as_fd());
    symlink(host.path(), root.join("a")).unwrap();
    symlink(host.path().join("file"), root.join("etc/hosts")).unwrap();
    symlink(host.path().join("stub"), root.join("b")).unwrap();
    drop(mount);
    let stubs = [
        stub("a/stub", true),
        stub("a/file", false),
        stub("etc/hosts", false),
        stub("b", true),
        stub("../../../../../../a", true),
    ];
    let layer = snapshot.commit(&stubs).unwrap();
    check_top(&env, &[base, layer], ["a", "b", "etc", "etc/hosts"]);
    assert!(host.path().join("stub").is_dir() && host.path().join("file").is_file());
}
