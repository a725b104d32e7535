//! The mounts of a spec: directories, files, tmpfs, secrets and sockets, and the mount points created for them.

use std::io::Write;
use std::os::unix::net::UnixListener;

use sandbox::{Mount, MountSource};

use crate::env::{TestEnv, detached, mount, output, run, tmpfs};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_a_read_only_directory_cannot_be_written,
    privileged_writes_to_a_directory_reach_the_host,
    privileged_a_single_file_can_be_mounted,
    privileged_a_tmpfs_has_its_size_and_mode,
    privileged_a_secret_has_its_mode_and_owner_and_cannot_be_removed,
    privileged_a_mount_point_on_another_mount_is_not_reported,
    privileged_created_mount_points_are_reported_without_symlinks,
    privileged_a_file_below_a_mount_is_unchanged,
    privileged_a_socket_has_its_mode_and_owner,
    privileged_a_socket_leads_to_the_hosts,
];

fn privileged_a_read_only_directory_cannot_be_written() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("cat /new/ctx/canary; (echo x > /new/ctx/canary) 2>/dev/null || echo refused");
    spec.mounts.push(mount("/new/ctx", MountSource::Detached(detached(&env.host(""))), true));
    assert_eq!(output(spec), "canaryrefused\n");
    env.check_host();
}

fn privileged_writes_to_a_directory_reach_the_host() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("echo text > /new/ctx/made");
    spec.mounts.push(mount("/new/ctx", MountSource::Detached(detached(&env.host(""))), false));
    output(spec);
    assert_eq!(std::fs::read_to_string(env.host("made")).unwrap(), "text\n");
}

fn privileged_a_single_file_can_be_mounted() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("cat /f");
    spec.mounts.push(mount("/f", MountSource::Detached(detached(&env.host("canary"))), true));
    assert_eq!(output(spec), "canary");
}

fn privileged_a_tmpfs_has_its_size_and_mode() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("df -k /t | awk 'END { print $2 }'; stat -c '%a %u:%g' /t; touch /t/x");
    spec.mounts.push(tmpfs("/t"));
    assert_eq!(output(spec), "4096\n1777 0:0\n");
}

fn secret(target: &str) -> Mount {
    mount(target, MountSource::Secret { bytes: b"s3cret".to_vec(), mode: 0o440, uid: 10, gid: 20 }, true)
}

fn privileged_a_secret_has_its_mode_and_owner_and_cannot_be_removed() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("cat /s/tok; stat -c ' %a %u:%g' /s/tok; (rm /s/tok) 2>/dev/null || echo kept");
    spec.mounts.push(secret("/s/tok"));
    assert_eq!(output(spec), "s3cret 440 10:20\nkept\n");
}

fn privileged_a_mount_point_on_another_mount_is_not_reported() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("cat /s/tok");
    spec.mounts.extend([tmpfs("/s"), secret("/s/tok")]);
    let ran = run(spec);
    assert_eq!(ran.stdout, "s3cret");
    assert_eq!(ran.created, ["etc", "etc/hosts", "etc/resolv.conf", "s"]);
}

fn privileged_created_mount_points_are_reported_without_symlinks() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir_all(env.root("real")).unwrap();
    std::os::unix::fs::symlink("../../../real", env.root("alias")).unwrap();
    std::fs::create_dir(env.root("etc")).unwrap();
    std::fs::write(env.root("etc/hosts"), "of the image").unwrap();
    let mut spec = env.script("cat /real/a/f && test -d /new/deep/er");
    spec.mounts.extend([secret("/alias/a/f"), tmpfs("/new/deep/er")]);
    let ran = run(spec);
    assert_eq!(ran.stdout, "s3cret");
    assert_eq!(ran.created, ["etc/resolv.conf", "real/a", "real/a/f", "new", "new/deep", "new/deep/er"]);
}

fn privileged_a_file_below_a_mount_is_unchanged() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir(env.root("etc")).unwrap();
    std::fs::write(env.root("etc/hosts"), "of the image").unwrap();
    assert!(output(env.script("cat /etc/hosts")).contains("localhost"));
    assert_eq!(std::fs::read_to_string(env.root("etc/hosts")).unwrap(), "of the image");
}

/// A socket of the host at `<dir>/host/agent`, and the mount that leads to it.
fn agent(env: &TestEnv) -> (UnixListener, Mount) {
    let path = env.host("agent");
    let listener = UnixListener::bind(&path).unwrap();
    let source = MountSource::Socket { path, mode: 0o600, uid: 7, gid: 8 };
    (listener, mount("/run/agent", source, false))
}

fn privileged_a_socket_has_its_mode_and_owner() {
    let Some(env) = TestEnv::new() else { return };
    let (_listener, mount) = agent(&env);
    let mut spec = env.script("stat -c '%F %a %u:%g' /run/agent");
    spec.mounts.push(mount);
    assert_eq!(output(spec), "socket 600 7:8\n");
}

fn privileged_a_socket_leads_to_the_hosts() {
    let Some(env) = TestEnv::new() else { return };
    let (listener, mount) = agent(&env);
    let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"agent"));
    let mut spec = crate::probe::spec(&env, "socket", "/run/agent");
    spec.mounts.push(mount);
    assert_eq!(output(spec), "agent");
    server.join().unwrap().unwrap();
}
