//! The lifetime of processes: how they start and end, their streams, and that nothing outlives them.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use sandbox::{Exit, Limits, LimitsReached, Running, SandboxError, Stdio, spawn};

use crate::env::{TestEnv, output, run, try_run};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_an_exit_code_is_passed_on,
    privileged_a_signal_is_passed_on,
    privileged_output_and_errors_have_a_pipe_each,
    privileged_a_missing_program_is_not_found,
    privileged_a_file_that_cannot_be_executed_is_an_error,
    privileged_children_end_with_the_first_process,
    privileged_a_dropped_sandbox_is_killed,
    privileged_waiting_can_time_out,
    privileged_waiting_can_be_repeated,
    privileged_a_signal_reaches_the_process,
    privileged_signaling_an_ended_process_is_not_an_error,
    privileged_an_unknown_signal_is_refused,
    privileged_streams_can_be_files,
    privileged_a_terminal_controls_the_process,
    privileged_sandboxes_can_run_at_once,
    privileged_sandboxes_leave_no_descriptor,
    privileged_a_sandbox_outlives_the_thread_that_started_it,
    privileged_usage_counts_processes_that_were_waited_for,
    privileged_limits_are_enforced_and_reported,
];

fn privileged_an_exit_code_is_passed_on() {
    let Some(env) = TestEnv::new() else { return };
    for code in [0, 1, 42, 255] {
        assert_eq!(run(env.script(&format!("exit {code}"))).exit, Exit::Code(code));
    }
}

fn privileged_a_signal_is_passed_on() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = spawn(env.script("sleep 1000")).unwrap();
    running.signal(9).unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Signal(9));
}

fn privileged_output_and_errors_have_a_pipe_each() {
    let Some(env) = TestEnv::new() else { return };
    let ran = run(env.script("printf out; printf err >&2"));
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out", "err"));
}

fn privileged_a_missing_program_is_not_found() {
    let Some(env) = TestEnv::new() else { return };
    for program in ["no-such-program", "/no/such/program", "bin/none", ""] {
        let error = try_run(env.spec(&[program, "x"])).unwrap_err();
        assert!(
            matches!(&error, SandboxError::NotFound { program: reported } if reported == program),
            "{error:?}"
        );
    }
}

mod errno {
    pub const ENOENT: i32 = 2;
    pub const ENOEXEC: i32 = 8;
    pub const EACCES: i32 = 13;
}

fn privileged_a_file_that_cannot_be_executed_is_an_error() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::write(env.root("bin/plain"), "#!/bin/sh\n").unwrap();
    std::fs::write(env.root("bin/lost"), "#!/no/interpreter\n").unwrap();
    std::fs::write(env.root("bin/noise"), [0_u8; 64]).unwrap();
    for name in ["lost", "noise"] {
        rustix::fs::chmod(env.root("bin").join(name), rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
    }
    for (name, errno) in [
        ("/bin/plain", errno::EACCES),
        ("plain", errno::EACCES),
        ("lost", errno::ENOENT),
        ("noise", errno::ENOEXEC),
    ] {
        match try_run(env.spec(&[name])).unwrap_err() {
            SandboxError::NotExecutable { program, source } => {
                assert_eq!((program.as_str(), source.raw_os_error()), (name, Some(errno)));
            }
            error => panic!("{name}: {error:?}"),
        }
    }
}

fn privileged_children_end_with_the_first_process() {
    let Some(env) = TestEnv::new() else { return };
    let began = Instant::now();
    assert_eq!(output(env.script("sleep 1000 & echo ok")), "ok\n");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// Starts `script`, which prints `up` first, and waits for that. Returns the rest of its output too.
fn start(env: &TestEnv, script: &str) -> (Running, std::fs::File) {
    let mut running = spawn(env.script(script)).unwrap();
    let (mut out, _err) = running.take_output().unwrap();
    let mut word = [0; 3];
    out.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"up\n");
    (running, out)
}

fn privileged_a_dropped_sandbox_is_killed() {
    let Some(env) = TestEnv::new() else { return };
    let (running, mut out) = start(&env, "echo up; sleep 1000 & sleep 1000");
    let pid = running.pid();
    assert!(std::fs::exists(format!("/proc/{pid}")).unwrap());
    drop(running);
    assert!(!std::fs::exists(format!("/proc/{pid}")).unwrap());
    assert_eq!(out.read(&mut [0]).unwrap(), 0, "no process has the pipe open");
}

fn privileged_waiting_can_time_out() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = spawn(env.script("sleep 0.3; exit 3")).unwrap();
    assert_eq!(running.wait_timeout(Duration::from_millis(10)).unwrap(), None);
    assert_eq!(running.wait_timeout(Duration::from_secs(10)).unwrap(), Some(Exit::Code(3)));
}

fn privileged_waiting_can_be_repeated() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = spawn(env.script("exit 3")).unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Code(3));
    assert_eq!(running.wait().unwrap(), Exit::Code(3));
}

fn privileged_a_signal_reaches_the_process() {
    let Some(env) = TestEnv::new() else { return };
    let (mut running, _out) = start(&env, "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done");
    running.signal(15).unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Code(7));
}

fn privileged_signaling_an_ended_process_is_not_an_error() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = spawn(env.script("true")).unwrap();
    running.wait().unwrap();
    running.signal(15).unwrap();
}

fn privileged_an_unknown_signal_is_refused() {
    let Some(env) = TestEnv::new() else { return };
    let running = spawn(env.script("sleep 1000")).unwrap();
    assert!(matches!(running.signal(12345), Err(SandboxError::Invalid { .. })));
}

fn privileged_streams_can_be_files() {
    let Some(env) = TestEnv::new() else { return };
    let path = env.host("log");
    let (stdin, mut input) = std::io::pipe().unwrap();
    let log = std::fs::File::create(&path).unwrap();
    let mut spec = env.script("cat; echo err >&2");
    spec.process.stdio =
        Stdio::Files { stdin: stdin.into(), stdout: log.try_clone().unwrap().into(), stderr: log.into() };
    input.write_all(b"in\n").unwrap();
    drop(input);
    assert_eq!(run(spec).exit, Exit::Code(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "in\nerr\n");
}

fn privileged_a_terminal_controls_the_process() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script(
        "tty; test -c /dev/console && stty -a >/dev/null && echo has; read line; echo got $line; tty < /dev/tty",
    );
    spec.process.stdio = Stdio::Terminal;
    let mut running = spawn(spec).unwrap();
    let mut terminal = running.take_terminal().unwrap();
    terminal.write_all(b"word\n").unwrap();
    let seen = read_terminal(&mut terminal);
    assert!(seen.contains("/dev/pts/0\n") && seen.contains("has\n") && seen.contains("got word\n"), "{seen}");
    assert_eq!(running.wait().unwrap(), Exit::Code(0), "{seen}");
}

/// Reads a terminal until its other end is closed, which is the error EIO.
fn read_terminal(terminal: &mut std::fs::File) -> String {
    const EIO: i32 = 5;
    let mut seen = Vec::new();
    let end = terminal.read_to_end(&mut seen).unwrap_err();
    assert_eq!(end.raw_os_error(), Some(EIO));
    String::from_utf8_lossy(&seen).replace('\r', "")
}

/// Runs 64 sandboxes on 8 threads. They share one root file system, and all create the same directory in it.
fn run_many(env: &TestEnv) {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for turn in 0..8 {
                    let mut spec = env.script(&format!("echo {thread} {turn}; sleep 0.01 & exit {turn}"));
                    spec.process.cwd = "/work".into();
                    let ran = run(spec);
                    assert_eq!((ran.exit, ran.stdout), (Exit::Code(turn), format!("{thread} {turn}\n")));
                }
            });
        }
    });
}

fn privileged_sandboxes_can_run_at_once() {
    let Some(env) = TestEnv::new() else { return };
    run_many(&env);
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn privileged_sandboxes_leave_no_descriptor() {
    let Some(env) = TestEnv::new() else { return };
    // The first sandbox opens our own program, which stays open.
    run(env.script("true"));
    let before = open_files();
    run_many(&env);
    assert_eq!(open_files(), before, "after sandboxes that succeeded");
    try_run(env.spec(&["missing"])).unwrap_err();
    assert_eq!(open_files(), before, "after a sandbox that failed");
}

/// A death signal, the usual means to end a process with its parent, is sent when the *thread* that started it ends.
fn privileged_a_sandbox_outlives_the_thread_that_started_it() {
    let Some(env) = TestEnv::new() else { return };
    let mut running =
        std::thread::scope(|scope| scope.spawn(|| spawn(env.script("sleep 0.2; exit 5"))).join().unwrap())
            .unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Code(5));
}

fn privileged_usage_counts_processes_that_were_waited_for() {
    let Some(env) = TestEnv::new() else { return };
    let usage = |script: &str| {
        let mut running = spawn(env.script(script)).unwrap();
        assert_eq!(running.usage(), None, "it still runs");
        assert_eq!(running.wait().unwrap(), Exit::Code(0));
        running.usage().expect("its supervisor was not killed")
    };
    let idle = usage("sleep 0.1");
    let busy = usage("sh -c 'i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done'; true");
    let margin = Duration::from_millis(50);
    assert!(busy.cpu() > idle.cpu() + margin, "{busy:?} {idle:?}");
    assert!(idle.max_rss_bytes > 100_000, "{idle:?}");
}

fn privileged_limits_are_enforced_and_reported() {
    let Some(env) = TestEnv::new() else { return };
    let check = |limits: Limits, script: &str, succeeds: bool, reached: LimitsReached| {
        let mut spec = env.script(script);
        spec.limits = limits;
        let mut running = spawn(spec).unwrap();
        assert_eq!(running.wait().unwrap() == Exit::Code(0), succeeds, "{script}");
        assert_eq!(running.limits_reached(), reached, "{script}");
    };
    let limits = Limits { memory_bytes: Some(32 << 20), max_pids: Some(10), ..Limits::default() };
    let hog = "dd if=/dev/zero of=/dev/null bs=100M count=1";
    let bomb = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done";
    check(limits.clone(), "true", true, LimitsReached::default());
    check(limits.clone(), hog, false, LimitsReached { memory: true, pids: false });
    check(limits, bomb, false, LimitsReached { memory: false, pids: true });
    check(Limits::default(), hog, true, LimitsReached::default());
    let own = format!("dsbuild-{}-", std::process::id());
    let dirs = ["", "memory", "pids"].map(|name| Path::new("/sys/fs/cgroup").join(name));
    let groups = dirs.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().filter_map(Result::ok);
    let left: Vec<_> = groups.filter(|group| group.file_name().to_string_lossy().starts_with(&own)).collect();
    assert!(left.is_empty(), "{left:?}");
}
