//! Control groups: limits, freezing, statistics. Mounts whose propagation is set.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sandbox::{DetachedMount, Exit, Limits, Propagation, Running, SandboxError, UNLIMITED, spawn};

use crate::env::{TestEnv, mount, output, try_run};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_every_limit_reaches_the_kernel,
    privileged_a_limit_can_be_changed_while_processes_run,
    privileged_frozen_processes_stand_still_until_they_are_thawed,
    privileged_a_frozen_sandbox_can_be_killed,
    privileged_the_resources_in_use_are_counted,
    privileged_a_limit_that_the_kernel_refuses_is_an_error,
    privileged_a_group_lies_within_the_parent_asked_for,
    privileged_a_tmpfs_has_the_options_asked_for,
    privileged_mounts_of_the_host_spread_only_if_asked_for,
];

/// Returns a running sandbox with limits; `None`, and why, on a machine where root cannot make groups.
#[allow(clippy::print_stdout, reason = "a skipped test says so")]
fn start(env: &TestEnv, script: &str, limits: Limits) -> Option<Running> {
    let mut spec = env.script(script);
    spec.limits = limits;
    match spawn(spec) {
        Err(SandboxError::Unavailable { what, .. }) => {
            println!("SKIP needs control groups that root can make: {what}");
            None
        }
        result => Some(result.unwrap()),
    }
}

/// Returns the text of a file of the groups of a process, by the names that it has in both versions.
fn group_file(pid: u32, controller: &str, one: &str, two: &str) -> String {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let of = |name: &str| {
        groups.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            controllers.split(',').any(|one| one == name).then(|| path.trim_start_matches('/').to_owned())
        })
    };
    let root = Path::new("/sys/fs/cgroup");
    let file = match of(controller) {
        Some(path) => root.join(controller).join(path).join(one),
        None => root.join(of("").unwrap()).join(two),
    };
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).trim().to_owned()
}

fn privileged_every_limit_reaches_the_kernel() {
    let Some(env) = TestEnv::new() else { return };
    let limits = Limits {
        memory_bytes: Some(64 << 20),
        memory_reservation_bytes: Some(32 << 20),
        max_pids: Some(33),
        cpu_quota_us: Some(50_000),
        cpu_shares: Some(512),
        cpuset_cpus: Some("0".into()),
        ..Limits::default()
    };
    let Some(running) = start(&env, "sleep 1000", limits) else { return };
    let pid = running.pid();
    let file = |controller, one, two| group_file(pid, controller, one, two);
    assert_eq!(file("memory", "memory.limit_in_bytes", "memory.max"), "67108864");
    assert_eq!(file("memory", "memory.soft_limit_in_bytes", "memory.low"), "33554432");
    assert_eq!(file("pids", "pids.max", "pids.max"), "33");
    assert!(["50000", "50000 100000"].contains(&file("cpu", "cpu.cfs_quota_us", "cpu.max").as_str()));
    assert!(["512", "20"].contains(&file("cpu", "cpu.shares", "cpu.weight").as_str()));
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
}

fn privileged_a_limit_can_be_changed_while_processes_run() {
    let Some(env) = TestEnv::new() else { return };
    let limits = Limits { memory_bytes: Some(64 << 20), max_pids: Some(33), ..Limits::default() };
    let Some(running) = start(&env, "sleep 1000", limits) else { return };
    let groups = running.control_groups();
    let memory = || group_file(running.pid(), "memory", "memory.limit_in_bytes", "memory.max");
    for bytes in [128_u64 << 20, 32 << 20] {
        groups.update(&Limits { memory_bytes: Some(bytes), ..Limits::default() }).unwrap();
        assert_eq!(memory(), bytes.to_string());
    }
    groups.update(&Limits { max_pids: Some(UNLIMITED), ..Limits::default() }).unwrap();
    assert_eq!(group_file(running.pid(), "pids", "pids.max", "pids.max"), "max");
    assert_eq!(memory(), (32_u64 << 20).to_string());
    groups.update(&Limits { cpuset_cpus: Some("0".into()), ..Limits::default() }).unwrap_err();
}

fn count_until_killed(env: &TestEnv) -> Option<Running> {
    let limits = Limits { has_groups: true, ..Limits::default() };
    let running = start(env, "i=0; while true; do i=$((i+1)); echo $i > /count; done", limits)?;
    wait_for(|| counted(env) > 0);
    Some(running)
}

fn counted(env: &TestEnv) -> u64 {
    fs::read_to_string(env.root("count")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[track_caller]
fn wait_for(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it has not happened within 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn privileged_frozen_processes_stand_still_until_they_are_thawed() {
    let Some(env) = TestEnv::new() else { return };
    let Some(running) = count_until_killed(&env) else { return };
    let groups = running.control_groups();
    groups.freeze().unwrap();
    let frozen_at = fs::read(env.root("count")).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(fs::read(env.root("count")).unwrap(), frozen_at);
    groups.thaw().unwrap();
    wait_for(|| fs::read(env.root("count")).is_ok_and(|text| !text.is_empty() && text != frozen_at));
}

fn privileged_a_frozen_sandbox_can_be_killed() {
    let Some(env) = TestEnv::new() else { return };
    let Some(running) = count_until_killed(&env) else { return };
    running.control_groups().freeze().unwrap();
    let process = format!("/proc/{}/stat", running.pid());
    drop(running);
    wait_for(|| !Path::new(&process).exists());
}

fn privileged_the_resources_in_use_are_counted() {
    let Some(env) = TestEnv::new() else { return };
    let limits = Limits { has_groups: true, memory_bytes: Some(256 << 20), ..Limits::default() };
    let script = "sleep 1000 & dd if=/dev/zero of=/dev/shm/x bs=1M count=20; exec sleep 1000";
    let Some(running) = start(&env, script, limits) else { return };
    let groups = running.control_groups();
    wait_for(|| groups.stats().memory_bytes.is_some_and(|bytes| bytes > 20 << 20));
    wait_for(|| groups.stats().pids == Some(2));
    let stats = groups.stats();
    assert_eq!(stats.memory_limit_bytes, Some(256 << 20));
    assert!(stats.cpu_ns.is_some_and(|ns| ns > 0), "{stats:?}");
    assert!(stats.read_bytes.is_some() && stats.written_bytes.is_some(), "{stats:?}");
}

fn privileged_a_limit_that_the_kernel_refuses_is_an_error() {
    let Some(env) = TestEnv::new() else { return };
    let refused = |limits: Limits| {
        let mut spec = env.script("true");
        spec.limits = limits;
        try_run(spec).expect_err("it cannot be kept").to_string()
    };
    let error = refused(Limits { cpuset_cpus: Some("100000".into()), ..Limits::default() });
    assert!(error.contains("100000"), "{error}");
    let error = refused(Limits { cpu_quota_us: Some(1), ..Limits::default() });
    assert!(error.contains("cpu."), "{error}");
    refused(Limits { parent: Some("../x".into()), has_groups: true, ..Limits::default() });
}

fn privileged_a_group_lies_within_the_parent_asked_for() {
    let Some(env) = TestEnv::new() else { return };
    let parent = format!("dsbuild-test-{}", std::process::id());
    let limits = Limits { max_pids: Some(10), parent: Some(format!("/{parent}")), ..Limits::default() };
    let Some(mut running) = start(&env, "sleep 0.2", limits) else { return };
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", running.pid())).unwrap();
    assert!(groups.contains(&format!("/{parent}/dsbuild-")), "{groups}");
    assert_eq!(running.wait().unwrap(), Exit::Code(0));
    drop(running);
    for hierarchy in ["", "pids"] {
        let dir = Path::new("/sys/fs/cgroup").join(hierarchy).join(&parent);
        if dir.exists() {
            fs::remove_dir(dir).expect("the sandbox has removed its own group");
        }
    }
}

fn privileged_a_tmpfs_has_the_options_asked_for() {
    let Some(env) = TestEnv::new() else { return };
    let options = [("size", "65536"), ("mode", "0750"), ("uid", "5")];
    let tmpfs = DetachedMount::tmpfs(&options).unwrap();
    tmpfs.restrict(true, true).unwrap();
    let mut spec = env.script("grep ' /t ' /proc/mounts; stat -c '%a %u' /t");
    spec.mounts.push(mount("/t", sandbox::MountSource::Detached(tmpfs), false));
    let text = output(spec);
    for expected in ["nosuid", "nodev", "noexec", "size=64k", "\n750 5\n"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

fn privileged_mounts_of_the_host_spread_only_if_asked_for() {
    let Some(env) = TestEnv::new() else { return };
    let tag = |propagation: Propagation| {
        let source = DetachedMount::of_host_path(&env.host("")).unwrap();
        source.set_propagation(propagation, true).unwrap();
        let mut spec = env.script("grep ' /m ' /proc/self/mountinfo");
        spec.mounts.push(mount("/m", sandbox::MountSource::Detached(source), false));
        output(spec)
    };
    let private = tag(Propagation::Private);
    assert!(!private.contains("shared:") && !private.contains("master:"), "{private}");
    assert!(tag(Propagation::Shared).contains("shared:"));
}
