//! How processes end, and that nothing outlives them.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use sandbox::{Exit, SandboxError, Stdio, spawn};

use crate::env::{TestEnv, output, run, try_run};
use crate::runner::{Test, tests};

pub const TESTS: &[Test] = tests![
    privileged_exit_codes_and_signals,
    privileged_programs_that_cannot_be_executed,
    privileged_children_end_with_the_first_process,
    privileged_dropped_sandboxes_are_killed,
    privileged_wait_with_timeout,
    privileged_signals_reach_the_process,
    privileged_files_as_streams,
    privileged_terminal,
    privileged_many_at_once,
    privileged_threads_may_end,
    privileged_usage_is_that_of_all_that_were_waited_for,
];

fn privileged_exit_codes_and_signals() {
    let Some(env) = TestEnv::new() else { return };
    for code in [0, 1, 42, 255] {
        assert_eq!(run(env.script(&format!("exit {code}"))).exit, Exit::Code(code));
    }
    assert_eq!(run(env.script("sh -c 'kill -9 $$'; exit $?")).exit, Exit::Code(137));
    let ran = run(env.script("printf out; printf err >&2"));
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("out", "err"));
}

fn privileged_programs_that_cannot_be_executed() {
    let Some(env) = TestEnv::new() else { return };
    let missing = |args: &[&str]| {
        let error = try_run(env.spec(args)).unwrap_err();
        assert!(matches!(&error, SandboxError::NotFound { program } if program == args[0]), "{error:?}");
    };
    missing(&["no-such-program", "x"]);
    missing(&["/no/such/program"]);
    missing(&["bin/none"]);
    missing(&[""]);
    std::fs::write(env.root("bin/plain"), "#!/bin/sh\n").unwrap();
    std::fs::write(env.root("bin/lost"), "#!/no/interpreter\n").unwrap();
    std::fs::write(env.root("bin/noise"), [0_u8; 64]).unwrap();
    for name in ["lost", "noise"] {
        rustix::fs::chmod(env.root("bin").join(name), rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
    }
    for (name, errno) in [
        ("/bin/plain", libc_errno::EACCES),
        ("plain", libc_errno::EACCES),
        ("lost", libc_errno::ENOENT),
        ("noise", libc_errno::ENOEXEC),
    ] {
        match try_run(env.spec(&[name])).unwrap_err() {
            SandboxError::NotExecutable { program, source } => {
                assert_eq!((program.as_str(), source.raw_os_error()), (name, Some(errno)));
            }
            error => panic!("{name}: {error:?}"),
        }
    }
}

mod libc_errno {
    pub const ENOENT: i32 = 2;
    pub const ENOEXEC: i32 = 8;
    pub const EACCES: i32 = 13;
}

fn privileged_children_end_with_the_first_process() {
    let Some(env) = TestEnv::new() else { return };
    let began = Instant::now();
    assert_eq!(output(env.script("sleep 1000 & echo ok")), "ok\n");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

fn privileged_dropped_sandboxes_are_killed() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = spawn(env.script("echo up; sleep 1000 & sleep 1000")).unwrap();
    let (mut out, _err) = running.take_output().unwrap();
    out.read_exact(&mut [0; 3]).unwrap();
    let pid = running.pid();
    assert!(std::fs::exists(format!("/proc/{pid}")).unwrap());
    drop(running);
    assert!(!std::fs::exists(format!("/proc/{pid}")).unwrap());
    assert_eq!(out.read(&mut [0]).unwrap(), 0, "nobody holds the pipe");
}

fn privileged_wait_with_timeout() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = spawn(env.script("sleep 0.3; exit 3")).unwrap();
    assert_eq!(running.wait_timeout(Duration::from_millis(10)).unwrap(), None);
    assert_eq!(running.wait_timeout(Duration::from_secs(10)).unwrap(), Some(Exit::Code(3)));
    assert_eq!(running.wait().unwrap(), Exit::Code(3), "it may be asked again");
}

fn privileged_signals_reach_the_process() {
    let Some(env) = TestEnv::new() else { return };
    let mut running = spawn(env.script("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done")).unwrap();
    let (mut out, _err) = running.take_output().unwrap();
    out.read_exact(&mut [0; 3]).unwrap();
    running.signal(15).unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Code(7));
    running.signal(15).expect("a process that has ended is no error");
    let mut running = spawn(env.script("sleep 1000")).unwrap();
    running.signal(9).unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Signal(9));
    assert!(running.signal(12345).is_err());
}

fn privileged_files_as_streams() {
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

fn privileged_terminal() {
    let Some(env) = TestEnv::new() else { return };
    let mut spec = env.script("tty; test -c /dev/console && stty -a >/dev/null && echo has; read line; echo got $line; tty < /dev/tty");
    spec.process.stdio = Stdio::Terminal;
    let mut running = spawn(spec).unwrap();
    let mut terminal = running.take_terminal().unwrap();
    terminal.write_all(b"word\n").unwrap();
    let mut seen = Vec::new();
    // The end of a terminal's other side reads as EIO.
    let _ = terminal.read_to_end(&mut seen);
    let seen = String::from_utf8_lossy(&seen).replace('\r', "");
    assert!(seen.contains("/dev/pts/0\n") && seen.contains("has\n") && seen.contains("got word\n"), "{seen}");
    assert_eq!(running.wait().unwrap(), Exit::Code(0), "{seen}");
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn privileged_many_at_once() {
    let Some(env) = TestEnv::new() else { return };
    run(env.script("true"));
    let before = open_files();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let env = &env;
            scope.spawn(move || {
                for turn in 0..8 {
                    let mut spec = env.script(&format!("echo {thread} {turn}; sleep 0.01 & exit {turn}"));
                    // They share one root, in which all make the same places.
                    spec.process.cwd = "/work".into();
                    let ran = run(spec);
                    assert_eq!((ran.exit, ran.stdout), (Exit::Code(turn), format!("{thread} {turn}\n")));
                }
            });
        }
    });
    assert_eq!(open_files(), before, "no descriptor is left");
    let _ = try_run(env.spec(&["missing"]));
    assert_eq!(open_files(), before, "nor by failure");
}

/// A death signal would be sent when the thread ends that spawned.
fn privileged_threads_may_end() {
    let Some(env) = TestEnv::new() else { return };
    let mut running =
        std::thread::scope(|scope| scope.spawn(|| spawn(env.script("sleep 0.2; exit 5"))).join().unwrap())
            .unwrap();
    assert_eq!(running.wait().unwrap(), Exit::Code(5));
}

fn privileged_usage_is_that_of_all_that_were_waited_for() {
    let Some(env) = TestEnv::new() else { return };
    let usage = |script: &str| {
        let mut running = spawn(env.script(script)).unwrap();
        assert_eq!(running.usage(), None, "it still runs");
        assert_eq!(running.wait().unwrap(), Exit::Code(0));
        running.usage().expect("it has ended by itself")
    };
    let idle = usage("sleep 0.1");
    let busy = usage("sh -c 'i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done'; true");
    let margin = Duration::from_millis(50);
    assert!(busy.cpu() > idle.cpu() + margin, "{busy:?} {idle:?}");
    assert!(idle.max_rss_bytes > 100_000, "{idle:?}");
}
