//! Root file systems and processes that mean harm.

use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::{Mount, MountSource, SandboxError, Spec};

use crate::env::{TestEnv, output, run, try_run};
use crate::probe;
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_system_directories_that_are_links,
    privileged_etc_that_leads_to_the_host,
    privileged_devices_of_the_image_are_not_used,
    privileged_mount_targets_that_lead_to_the_host,
    privileged_working_directories_that_lead_outside,
    privileged_targets_that_are_exchanged,
    privileged_our_program_cannot_be_changed,
    privileged_system_calls_that_docker_refuses,
    privileged_nothing_of_the_caller_leaks_in,
    privileged_kill_of_the_caller_leaves_nothing,
    privileged_unknown_values_are_refused,
];

#[track_caller]
fn refused(spec: Spec) -> SandboxError {
    match try_run(spec) {
        Err(error) => error,
        Ok(ran) => panic!("it ran: {ran:?}"),
    }
}

/// C03, C04: CVE-2019-16884, CVE-2023-27561, CVE-2026-41579.
fn privileged_system_directories_that_are_links() {
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

fn privileged_etc_that_leads_to_the_host() {
    let Some(env) = TestEnv::new() else { return };
    symlink(env.host(""), env.root("etc")).unwrap();
    assert!(output(env.script("cat /etc/hosts")).contains("localhost"));
    env.check_host();
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir(env.root("etc")).unwrap();
    symlink(env.host("canary"), env.root("etc/hosts")).unwrap();
    symlink("/proc/self/fd/0", env.root("etc/resolv.conf")).unwrap();
    let _ = try_run(env.script("echo x > /etc/hosts"));
    env.check_host();
}

/// CVE-2025-31133, CVE-2025-52565.
fn privileged_devices_of_the_image_are_not_used() {
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

fn tmpfs(target: &str) -> Mount {
    let source = MountSource::Tmpfs { size_bytes: None, mode: 0o755 };
    Mount { target: target.into(), source, read_only: false }
}

fn privileged_mount_targets_that_lead_to_the_host() {
    let Some(env) = TestEnv::new() else { return };
    symlink(env.host(""), env.root("out")).unwrap();
    for target in ["/out/x", "/../../../out", "/proc/self/root/x", "/proc/self/cwd/x", "/proc/1/root/tmp/x"] {
        let mut spec = env.script("true");
        spec.mounts.push(tmpfs(target));
        let _ = try_run(spec);
        env.check_host();
    }
}

/// C01: CVE-2024-21626.
fn privileged_working_directories_that_lead_outside() {
    let Some(env) = TestEnv::new() else { return };
    symlink(env.host(""), env.root("w")).unwrap();
    for number in 0..20 {
        for below in ["", "/..", "/../../.."] {
            let mut spec = env.script("ls -a . ..");
            spec.process.cwd = format!("/proc/self/fd/{number}{below}").into();
            if let Ok(ran) = try_run(spec) {
                assert!(!ran.stdout.contains("canary"), "{ran:?}");
            }
        }
    }
    let mut spec = env.script("touch made");
    spec.process.cwd = "/w".into();
    run(spec);
    env.check_host();
    let mut spec = env.script("true");
    spec.process.cwd = "relative".into();
    assert!(matches!(refused(spec), SandboxError::Invalid { .. }));
}

/// C05: CVE-2021-30465. Another process exchanges a directory for a link to the host while we mount below it.
fn privileged_targets_that_are_exchanged() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir_all(env.root("c/dir")).unwrap();
    symlink(env.host(""), env.root("c/link")).unwrap();
    let (dir, link) = (env.root("c/dir"), env.root("c/link"));
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let cwd = rustix::fs::CWD;
                let _ = rustix::fs::renameat_with(cwd, &dir, cwd, &link, rustix::fs::RenameFlags::EXCHANGE);
            }
        });
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            let mut spec = env.script("touch /c/dir/x/made");
            spec.mounts.push(tmpfs("/c/dir/x"));
            spec.process.cwd = "/c/dir/y".into();
            let _ = try_run(spec);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    env.check_host();
}

/// C02: CVE-2019-5736.
fn privileged_our_program_cannot_be_changed() {
    use std::os::unix::fs::MetadataExt;
    let Some(env) = TestEnv::new() else { return };
    let exe = std::env::current_exe().unwrap();
    let before = std::fs::metadata(&exe).unwrap();
    // As its interpreter our init would run in the sandbox: it finds no channel, and ends.
    std::fs::write(env.root("bin/again"), "#!/proc/self/exe\n").unwrap();
    rustix::fs::chmod(env.root("bin/again"), rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
    let _ = try_run(env.spec(&["again"]));
    let script = "for i in 1 2 3; do (echo x >> /proc/1/exe) 2>/dev/null; (echo x >> /proc/self/exe) 2>/dev/null; done";
    run(env.script(script));
    // The shown program is busybox in the sandbox's own root, which was running.
    let after = std::fs::metadata(&exe).unwrap();
    assert_eq!(
        (before.mtime_nsec(), before.len(), before.mode()),
        (after.mtime_nsec(), after.len(), after.mode())
    );
}

/// C11, C12.
fn privileged_system_calls_that_docker_refuses() {
    let Some(env) = TestEnv::new() else { return };
    let expected = "unshare EPERM\nmount EPERM\nkeyctl EPERM\nbpf EPERM\nclone3 ENOSYS\nio_uring_setup EPERM\n\
                    AF_ALG EPERM\nAF_VSOCK EPERM\nAF_INET ok\nuserfaultfd EPERM\nperf_event_open EPERM\nfuture ENOSYS\n\
                    personality EPERM\nopen_by_handle_at EPERM\nsetns EPERM\n";
    assert_eq!(output(probe::spec(&env, "calls", "")), expected);
}

/// C13.
fn privileged_nothing_of_the_caller_leaks_in() {
    let Some(env) = TestEnv::new() else { return };
    let (_kept, leaked) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let seen =
        output(env.script("ls /proc/self/fd | wc -l; tr '\\0' '\\n' < /proc/1/environ | grep CARGO | wc -l"));
    assert_eq!(seen, "4\n0\n");
    let root = std::fs::read_link("/proc/self/ns/user").unwrap();
    assert_eq!(output(env.script("readlink /proc/self/ns/user")).trim(), root.to_str().unwrap());
    // The host's mounts are gone, not only hidden.
    let mounts = output(env.script("awk '{ print $2 }' /proc/mounts | sort | tr '\\n' ' '"));
    let odd: Vec<_> = mounts
        .split_whitespace()
        .filter(|mount| {
            !["/dev", "/proc", "/sys", "/etc"].iter().any(|known| mount.starts_with(known)) && *mount != "/"
        })
        .collect();
    assert!(odd.is_empty(), "{mounts}");
    assert_eq!(mounts.split_whitespace().filter(|mount| *mount == "/").count(), 1, "{mounts}");
}

/// R1: SIGKILL of the caller.
fn privileged_kill_of_the_caller_leaves_nothing() {
    let Some(env) = TestEnv::new() else { return };
    let mut caller = Command::new(std::env::current_exe().unwrap())
        .args(["--probe", "sleep", env.root("").to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pid = String::new();
    let stdout = caller.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut pid).unwrap();
    let guest = format!("/proc/{}", pid.trim());
    assert!(std::fs::exists(&guest).unwrap(), "{guest}");
    caller.kill().unwrap();
    caller.wait().unwrap();
    let gone = |_: &u32| {
        std::thread::sleep(Duration::from_millis(10));
        !std::fs::exists(&guest).unwrap()
    };
    assert!((0..200).any(|attempt| gone(&attempt)), "{guest} is still there");
}

/// C17: what is not known is not ignored.
fn privileged_unknown_values_are_refused() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("true");
    spec.process.capabilities = sandbox::Capabilities::Changed { add: vec!["FLY".into()], drop: vec![] };
    assert!(matches!(refused(spec), SandboxError::Invalid { .. }));
    let mut spec = env.script("true");
    spec.process.rlimits.push(sandbox::Rlimit { name: "wings".into(), soft: 1, hard: 1 });
    assert!(matches!(refused(spec), SandboxError::Invalid { .. }));
    let mut spec = env.script("true");
    spec.process.env.push("A=\0".into());
    assert!(matches!(refused(spec), SandboxError::Invalid { .. }));
    let mut spec = env.script("true");
    spec.process.args.clear();
    assert!(matches!(refused(spec), SandboxError::Invalid { .. }));
}
