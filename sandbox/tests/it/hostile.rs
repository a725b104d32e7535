//! Hostile root file systems and processes: they must not reach the host, nor get more rights than they have.
//!
//! Comments name the CVEs that other runtimes had for the same attack.

use std::os::unix::fs::{MetadataExt, symlink};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, RenameFlags, chmod, renameat_with};
use sandbox::{Capabilities, Rlimit, SandboxError, Spec};

use crate::env::{TestEnv, output, run, tmpfs, try_run};
use crate::probe;
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_a_system_directory_that_is_a_symlink_is_refused,
    privileged_an_etc_that_is_a_symlink_to_the_host_does_not_reach_it,
    privileged_a_file_in_etc_that_is_a_symlink_to_the_host_does_not_reach_it,
    privileged_devices_of_the_image_are_hidden,
    privileged_a_mount_target_does_not_reach_the_host,
    privileged_a_working_directory_in_proc_does_not_reach_the_host,
    privileged_a_working_directory_that_is_a_symlink_to_the_host_does_not_reach_it,
    privileged_a_relative_working_directory_is_refused,
    privileged_a_directory_exchanged_for_a_symlink_does_not_reach_the_host,
    privileged_our_program_cannot_be_changed,
    privileged_system_calls_that_docker_refuses_are_refused,
    privileged_no_descriptor_of_the_caller_leaks_in,
    privileged_no_variable_of_the_caller_leaks_in,
    privileged_root_stays_in_the_callers_user_namespace,
    privileged_no_mount_of_the_host_is_left,
    privileged_a_killed_caller_leaves_no_process,
    privileged_an_unknown_capability_is_refused,
    privileged_an_unknown_limit_is_refused,
    privileged_a_nul_byte_in_the_environment_is_refused,
    privileged_an_empty_command_is_refused,
];

#[track_caller]
fn refused(spec: Spec) -> SandboxError {
    match try_run(spec) {
        Err(error) => error,
        Ok(ran) => panic!("it ran: {ran:?}"),
    }
}

/// Runs a process that can fail or be refused as well: the test looks only at what it did to the host.
fn attack(spec: Spec) {
    drop(try_run(spec));
}

/// CVE-2019-16884, CVE-2023-27561 and CVE-2026-41579: a file system of the kernel that is mounted elsewhere.
fn privileged_a_system_directory_that_is_a_symlink_is_refused() {
    for name in ["proc", "sys", "dev"] {
        for target in ["HOST", "/tmp", "..", "/"] {
            let Some(env) = TestEnv::new() else { return };
            let host = env.host("");
            symlink(target.replace("HOST", host.to_str().unwrap()), env.root(name)).unwrap();
            match refused(env.spec(&["true"])) {
                SandboxError::Mount { target, reason } => {
                    assert_eq!(target, std::path::Path::new("/").join(name));
                    assert!(reason.contains("not a real directory"), "{reason}");
                }
                error => panic!("{error:?}"),
            }
            env.check_host();
        }
    }
}

fn privileged_an_etc_that_is_a_symlink_to_the_host_does_not_reach_it() {
    let Some(env) = TestEnv::new() else { return };
    symlink(env.host(""), env.root("etc")).unwrap();
    assert!(output(env.script("cat /etc/hosts")).contains("localhost"));
    env.check_host();
}

fn privileged_a_file_in_etc_that_is_a_symlink_to_the_host_does_not_reach_it() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir(env.root("etc")).unwrap();
    symlink(env.host("canary"), env.root("etc/hosts")).unwrap();
    symlink("/proc/self/fd/0", env.root("etc/resolv.conf")).unwrap();
    attack(env.script("echo x > /etc/hosts"));
    env.check_host();
}

/// CVE-2025-31133 and CVE-2025-52565: a runtime that bind-mounts the image's `/dev/null` or `/dev/console`.
fn privileged_devices_of_the_image_are_hidden() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir(env.root("dev")).unwrap();
    for name in ["null", "console", "ptmx", "shm", "pts", ".dsbuild"] {
        symlink(env.host("new"), env.root("dev").join(name)).unwrap();
    }
    assert_eq!(
        output(env.script("stat -c %F /dev/null; stat -c %F /dev/shm")),
        "character special file\ndirectory\n"
    );
    env.check_host();
}

fn privileged_a_mount_target_does_not_reach_the_host() {
    let Some(env) = TestEnv::new() else { return };
    symlink(env.host(""), env.root("out")).unwrap();
    for target in ["/out/x", "/../../../out", "/proc/self/root/x", "/proc/self/cwd/x", "/proc/1/root/tmp/x"] {
        let mut spec = env.script("true");
        spec.mounts.push(tmpfs(target));
        attack(spec);
        env.check_host();
    }
}

/// CVE-2024-21626: a descriptor of the host that is still open while the working directory is entered.
fn privileged_a_working_directory_in_proc_does_not_reach_the_host() {
    let Some(env) = TestEnv::new() else { return };
    for number in 0..20 {
        for below in ["", "/..", "/../../.."] {
            let mut spec = env.script("ls -a . ..");
            spec.process.cwd = format!("/proc/self/fd/{number}{below}").into();
            if let Ok(ran) = try_run(spec) {
                assert!(!ran.stdout.contains("canary"), "{ran:?}");
            }
        }
    }
}

fn privileged_a_working_directory_that_is_a_symlink_to_the_host_does_not_reach_it() {
    let Some(env) = TestEnv::new() else { return };
    symlink(env.host(""), env.root("w")).unwrap();
    let mut spec = env.script("touch made");
    spec.process.cwd = "/w".into();
    run(spec);
    env.check_host();
}

fn privileged_a_relative_working_directory_is_refused() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("true");
    spec.process.cwd = "relative".into();
    assert!(matches!(refused(spec), SandboxError::Invalid { .. }));
}

/// CVE-2021-30465: another process exchanges a directory for a symlink while a mount point below it is looked up.
fn privileged_a_directory_exchanged_for_a_symlink_does_not_reach_the_host() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir_all(env.root("c/dir")).unwrap();
    symlink(env.host(""), env.root("c/link")).unwrap();
    let (dir, link) = (env.root("c/dir"), env.root("c/link"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            let mut spec = env.script("touch /c/dir/x/made");
            spec.mounts.push(tmpfs("/c/dir/x"));
            spec.process.cwd = "/c/dir/y".into();
            attack(spec);
        }
        stop.store(true, Ordering::Relaxed);
    });
    env.check_host();
}

/// CVE-2019-5736. The interpreter `/proc/self/exe` makes our init run once more, in the sandbox: it finds no channel and
/// ends.
fn privileged_our_program_cannot_be_changed() {
    let Some(env) = TestEnv::new() else { return };
    let state = || {
        let found = std::fs::metadata(std::env::current_exe().unwrap()).unwrap();
        (found.mtime_nsec(), found.len(), found.mode())
    };
    let before = state();
    std::fs::write(env.root("bin/again"), "#!/proc/self/exe\n").unwrap();
    chmod(env.root("bin/again"), Mode::from_raw_mode(0o755)).unwrap();
    attack(env.spec(&["again"]));
    let write = "(echo x >> /proc/1/exe) 2>/dev/null; (echo x >> /proc/self/exe) 2>/dev/null";
    run(env.script(&format!("for i in 1 2 3; do {write}; done")));
    assert_eq!(state(), before);
}

fn privileged_system_calls_that_docker_refuses_are_refused() {
    let Some(env) = TestEnv::new() else { return };
    let expected = "unshare EPERM\nmount EPERM\nkeyctl EPERM\nbpf EPERM\nclone3 ENOSYS\nio_uring_setup EPERM\n\
                    AF_ALG EPERM\nAF_VSOCK EPERM\nAF_INET ok\nuserfaultfd EPERM\nperf_event_open EPERM\nfuture ENOSYS\n\
                    personality EPERM\nopen_by_handle_at EPERM\nsetns EPERM\n";
    assert_eq!(output(probe::spec(&env, "calls", "")), expected);
}

fn privileged_no_descriptor_of_the_caller_leaks_in() {
    let Some(env) = TestEnv::new() else { return };
    let (_kept, leaked) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    // Three streams, and the directory that `ls` reads.
    assert_eq!(output(env.script("ls /proc/self/fd | wc -l")), "4\n");
}

fn privileged_no_variable_of_the_caller_leaks_in() {
    let Some(env) = TestEnv::new() else { return };
    assert_eq!(output(env.script("tr '\\0' '\\n' < /proc/1/environ | grep CARGO | wc -l")), "0\n");
}

fn privileged_root_stays_in_the_callers_user_namespace() {
    let Some(env) = TestEnv::new() else { return };
    let ours = std::fs::read_link("/proc/self/ns/user").unwrap();
    assert_eq!(output(env.script("readlink /proc/self/ns/user")).trim(), ours.to_str().unwrap());
}

fn privileged_no_mount_of_the_host_is_left() {
    let Some(env) = TestEnv::new() else { return };
    let mounts = output(env.script("awk '{ print $2 }' /proc/mounts | sort | tr '\\n' ' '"));
    let is_ours =
        |mount: &str| ["/dev", "/proc", "/sys", "/etc"].iter().any(|known| mount.starts_with(known));
    let others: Vec<_> = mounts.split_whitespace().filter(|mount| !is_ours(mount)).collect();
    assert_eq!(others, ["/"], "{mounts}");
}

/// The caller gets SIGKILL, which it cannot handle.
fn privileged_a_killed_caller_leaves_no_process() {
    let Some(env) = TestEnv::new() else { return };
    let mut caller = Command::new(std::env::current_exe().unwrap())
        .args(["--probe", "sleep", env.root("").to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pid = String::new();
    let stdout = caller.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut pid).unwrap();
    let process = format!("/proc/{}", pid.trim());
    assert!(std::fs::exists(&process).unwrap(), "{process}");
    caller.kill().unwrap();
    caller.wait().unwrap();
    let is_gone = || {
        std::thread::sleep(Duration::from_millis(10));
        !std::fs::exists(&process).unwrap()
    };
    assert!((0..200).any(|_| is_gone()), "{process} is still there");
}

#[track_caller]
fn check_refused(change: impl FnOnce(&mut Spec)) {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("true");
    change(&mut spec);
    assert!(matches!(refused(spec), SandboxError::Invalid { .. }));
}

fn privileged_an_unknown_capability_is_refused() {
    check_refused(|spec| {
        spec.process.capabilities = Capabilities::Changed { add: vec!["FLY".into()], drop: vec![] };
    });
}

fn privileged_an_unknown_limit_is_refused() {
    check_refused(|spec| spec.process.rlimits.push(Rlimit { name: "wings".into(), soft: 1, hard: 1 }));
}

fn privileged_a_nul_byte_in_the_environment_is_refused() {
    check_refused(|spec| spec.process.env.push("A=\0".into()));
}

fn privileged_an_empty_command_is_refused() {
    check_refused(|spec| spec.process.args.clear());
}
