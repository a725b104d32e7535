//! Further processes in a running sandbox: what they share with the first one, and what they cannot reach.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use sandbox::{
    Capabilities, Exit, Limits, Network, Process, ProcessUser, Running, SandboxError, Stdio, exec, spawn,
};

use crate::env::{TestEnv, spec_of};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_a_further_process_sees_the_sandbox,
    privileged_a_further_process_has_its_own_end,
    privileged_a_further_process_has_a_user_and_a_directory_of_its_own,
    privileged_a_further_process_has_no_more_rights_than_the_first,
    privileged_a_further_process_counts_against_the_limits,
    privileged_a_further_process_ends_with_the_sandbox,
    privileged_a_dropped_further_process_is_killed,
    privileged_a_further_process_can_have_a_terminal,
    privileged_a_sandbox_that_has_ended_cannot_be_joined,
    privileged_a_missing_program_or_directory_is_an_error,
    privileged_a_directory_in_proc_does_not_reach_the_host_when_joining,
    privileged_no_descriptor_leaks_into_a_further_process,
    privileged_a_further_process_cannot_be_traced_before_its_program,
];

/// Starts a sandbox whose first process sleeps.
fn sleeping(env: &TestEnv) -> Running {
    spawn(env.spec(&["sleep", "1000"])).unwrap()
}

fn process(args: &[&str]) -> Process {
    spec_of("/".as_ref(), args).process
}

fn script(text: &str) -> Process {
    process(&["sh", "-c", text])
}

/// Runs a further process to its end, which must be a success, and returns its output.
#[track_caller]
fn output(running: &Running, process: Process) -> String {
    let mut joined = exec(running, process, false).unwrap();
    let (mut stdout, mut stderr) = joined.take_output().unwrap();
    let (mut text, mut errors) = (String::new(), String::new());
    stdout.read_to_string(&mut text).unwrap();
    stderr.read_to_string(&mut errors).unwrap();
    assert_eq!(joined.wait().unwrap(), Exit::Code(0), "{errors}");
    text.trim_end().to_owned()
}

fn privileged_a_further_process_sees_the_sandbox() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("echo first > /tmp/first; sleep 1000; true");
    spec.network = Network::None;
    let running = spawn(spec).unwrap();
    assert_eq!(output(&running, process(&["hostname"])), "box");
    assert_eq!(output(&running, script("until cat /tmp/first 2>/dev/null; do :; done")), "first");
    assert_eq!(output(&running, script("head -c 2 /proc/1/cmdline")), "sh");
    for namespace in ["mnt", "pid", "uts", "ipc", "net", "cgroup"] {
        let link = format!("/proc/self/ns/{namespace}");
        let first = output(&running, process(&["readlink", &format!("/proc/1/ns/{namespace}")]));
        let own = output(&running, process(&["readlink", &link]));
        assert_eq!(own, first, "{namespace}");
        let host = fs::read_link(&link).unwrap();
        assert_ne!(own, host.to_str().unwrap(), "{namespace}");
    }
    assert_eq!(output(&running, script("ls /sys/class/net")), "lo");
}

fn privileged_a_further_process_has_its_own_end() {
    let Some(env) = TestEnv::new() else { return };
    let running = sleeping(&env);
    for code in [0, 7, 255] {
        assert_eq!(
            exec(&running, script(&format!("exit {code}")), false).unwrap().wait().unwrap(),
            Exit::Code(code)
        );
    }
    let mut killed = exec(&running, process(&["sleep", "1000"]), false).unwrap();
    assert_eq!(killed.wait_timeout(Duration::from_millis(50)).unwrap(), None);
    killed.signal(15).unwrap();
    assert_eq!(killed.wait().unwrap(), Exit::Signal(15));
    assert_eq!(output(&running, process(&["hostname"])), "box", "the sandbox goes on");
}

fn privileged_a_further_process_has_a_user_and_a_directory_of_its_own() {
    let Some(env) = TestEnv::new() else { return };
    let running = sleeping(&env);
    let user = ProcessUser { uid: 1234, gid: 2345, groups: vec![2345, 7], home: "/tmp".into() };
    let as_user = |text: &str| Process { user: user.clone(), cwd: "/tmp".into(), ..script(text) };
    assert_eq!(output(&running, as_user("id -u; id -G; pwd; echo $HOME")), "1234\n2345 7\n/tmp\n/tmp");
    assert_eq!(output(&running, as_user("grep CapEff /proc/self/status")), "CapEff:\t0000000000000000");
    assert_eq!(
        output(&running, Process { env: vec!["A=b".into()], ..process(&["/bin/sh", "-c", "echo $A"]) }),
        "b"
    );
}

fn privileged_a_further_process_has_no_more_rights_than_the_first() {
    let Some(env) = TestEnv::new() else { return };
    let running = sleeping(&env);
    let fields = "^Cap(Inh|Prm|Eff|Bnd|Amb)|^Seccomp:|^NoNewPrivs";
    let own = output(&running, script(&format!("grep -E '{fields}' /proc/self/status")));
    let first = output(&running, script(&format!("grep -E '{fields}' /proc/1/status")));
    assert_eq!(own, first);
    assert!(own.contains("Seccomp:\t2"), "{own}");
    let nothing = Process {
        capabilities: Capabilities::Changed { add: vec![], drop: vec!["ALL".into()] },
        ..script("grep CapBnd /proc/self/status")
    };
    assert_eq!(output(&running, nothing), "CapBnd:\t0000000000000000");
    let mut privileged = exec(&running, script("grep Seccomp: /proc/self/status"), true).unwrap();
    let mut text = String::new();
    privileged.take_output().unwrap().0.read_to_string(&mut text).unwrap();
    assert_eq!(text.trim_end(), "Seccomp:\t0");
}

fn privileged_a_further_process_counts_against_the_limits() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.spec(&["sleep", "1000"]);
    spec.limits = Limits { max_pids: Some(20), ..Limits::default() };
    let Ok(running) = spawn(spec) else { return };
    let groups = |pid: &str| output(&running, process(&["cat", &format!("/proc/{pid}/cgroup")]));
    assert_eq!(groups("self"), groups("1"));
    let bomb = exec(
        &running,
        script(
            "for i in $(seq 40 2>/dev/null || echo 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2); do sleep 5 & done; wait",
        ),
        false,
    );
    let _ = bomb.unwrap().wait_timeout(Duration::from_millis(500)).unwrap();
    assert!(running.limits_reached().pids, "the limit holds for all processes together");
}

fn privileged_a_further_process_ends_with_the_sandbox() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = sleeping(&env);
    let mut joined = exec(&running, process(&["sleep", "1000"]), false).unwrap();
    running.signal(9).unwrap();
    running.wait().unwrap();
    assert_eq!(joined.wait().unwrap(), Exit::Signal(9));
}

fn privileged_a_dropped_further_process_is_killed() {
    let Some(env) = TestEnv::new() else { return };
    let running = sleeping(&env);
    let joined = exec(&running, process(&["sleep", "777"]), false).unwrap();
    let count = || output(&running, script("ps | grep -c '[s]leep 777' || true"));
    assert_eq!(count(), "1");
    drop(joined);
    let begun = Instant::now();
    while count() != "0" {
        assert!(begun.elapsed() < Duration::from_secs(10), "the process is still there");
    }
}

fn privileged_a_further_process_can_have_a_terminal() {
    let Some(env) = TestEnv::new() else { return };
    let running = sleeping(&env);
    let wanted = Process { stdio: Stdio::Terminal, ..script("tty; stty size; test -t 0 && echo yes") };
    let mut joined = exec(&running, wanted, false).unwrap();
    let mut terminal = joined.take_terminal().unwrap();
    rustix::termios::tcsetwinsize(
        terminal.as_fd(),
        rustix::termios::Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 },
    )
    .unwrap();
    let mut text = String::new();
    // The end of a terminal is an error once nobody has its other side open.
    let _ = terminal.read_to_string(&mut text);
    assert_eq!(joined.wait().unwrap(), Exit::Code(0), "{text}");
    assert!(text.contains("/dev/pts/") && text.contains("yes"), "{text}");
}

fn privileged_a_sandbox_that_has_ended_cannot_be_joined() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = spawn(env.spec(&["true"])).unwrap();
    running.wait().unwrap();
    let error = exec(&running, process(&["true"]), false).unwrap_err();
    assert!(matches!(error, SandboxError::Ended), "{error:?}");
}

fn privileged_a_missing_program_or_directory_is_an_error() {
    let Some(env) = TestEnv::new() else { return };
    let running = sleeping(&env);
    let error = exec(&running, process(&["no-such-program"]), false).unwrap_err();
    assert!(matches!(error, SandboxError::NotFound { .. }), "{error:?}");
    let lost = Process { cwd: "/no/such/directory".into(), ..process(&["true"]) };
    let error = exec(&running, lost, false).unwrap_err();
    assert!(error.to_string().contains("working directory"), "{error:?}");
}

/// CVE-2024-21626: a descriptor of the runtime that leads to the host.
fn privileged_a_directory_in_proc_does_not_reach_the_host_when_joining() {
    let Some(env) = TestEnv::new() else { return };
    let running = sleeping(&env);
    for fd in 0..40 {
        for path in [format!("/proc/self/fd/{fd}"), format!("/proc/self/fd/{fd}/../..")] {
            let attack = Process { cwd: path.into(), ..script("ls") };
            assert!(exec(&running, attack, false).is_err(), "descriptor {fd}");
        }
    }
    env.check_host();
}

fn privileged_no_descriptor_leaks_into_a_further_process() {
    let Some(env) = TestEnv::new() else { return };
    let running = sleeping(&env);
    // ls itself has the directory open as 3.
    assert_eq!(output(&running, script("ls /proc/self/fd | tr '\\n' ' '")), "0 1 2 3");
    assert_eq!(output(&running, process(&["env"])), format!("{}\nHOME=/root", crate::env::PATH));
}

/// CVE-2016-9962: a process of the sandbox opens what the joining process still has of the host.
fn privileged_a_further_process_cannot_be_traced_before_its_program() {
    let Some(env) = TestEnv::new() else { return };
    // The joining process is named so until it executes its program.
    let thief = "touch /tmp/ready; while :; do for p in /proc/[0-9]*; do \
                 if read name < $p/comm && test \"$name\" = dsbuild-init; then \
                 echo $p >> /tmp/seen; test -e $p/fd/0 && echo $p >> /tmp/stolen; fi; done 2>/dev/null; done";
    let running = spawn(env.script(thief)).unwrap();
    while !env.root("tmp/ready").exists() {}
    // Looking for a program in many directories takes long enough to be seen.
    let long = format!("PATH={}", "/x:".repeat(40_000));
    for _ in 0..5 {
        let lost = Process { env: vec![long.clone().into()], ..process(&["no-such-program"]) };
        assert!(exec(&running, lost, false).is_err());
    }
    assert!(env.root("tmp/seen").exists(), "the process was never seen");
    assert!(!env.root("tmp/stolen").exists(), "its descriptors could be opened");
}
