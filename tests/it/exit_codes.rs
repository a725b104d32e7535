//! Exit codes, as `--help` lists them. Those of `run` are in `run.rs`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::env::{TestEnv, skip_unless};

#[test]
fn each_fault_has_its_exit_code() {
    let env = TestEnv::bare();
    env.file("good/Dockerfile", "FROM scratch\n").file("bad/Dockerfile", "FROM scratch\nFORM x\n");
    let check = |args: &[&str], expected: i32| {
        let ran = env.dsbuild(args);
        assert_eq!(ran.0.status.code(), Some(expected), "{args:?}: {}", ran.stderr());
    };
    check(&["build", "--check", "context/good"], 0);
    check(&["build", "--check", "context/bad"], 1);
    check(&["build", "no-such-directory"], 1);
    check(&["build", "-f", "no-such-file", "context"], 1);
    check(&["build", "--no-such-flag", "context"], 2);
    check(&["build", "--call", "no-such-call", "context"], 2);
    check(&["build", "--output", "type=nonsense", "context/good"], 2);
    check(&["network", "ls"], 2);
    check(&[], 2);
    check(&["run"], 125);
    check(&["rmi", "no-such-image"], 1);
    check(&["logs", "no-such-container"], 1);
}

#[test]
fn the_help_lists_all_exit_codes() {
    let help = TestEnv::bare().dsbuild(&["--help"]).success().stdout();
    for code in ["0", "1", "2", "130", "125", "126", "127"] {
        assert!(help.contains(&format!("\n  {code} ")), "{code} is not in:\n{help}");
    }
}

#[test]
fn privileged_a_signal_ends_a_build_with_its_number() {
    let env = skip_unless!(TestEnv::new());
    env.file("Dockerfile", "FROM base\nRUN echo started; sleep 60\n");
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut child = env
            .command(&["build", "--progress", "plain", "context"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut lines = stderr.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.ends_with(" started")), "the RUN prints that it runs");
        let pid = i32::try_from(child.id()).expect("a process ID");
        kill(Pid::from_raw(pid), signal).expect("it can be sent");
        assert!(lines.any(|line| line == "error: canceled"));
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{signal}");
    }
}

/// B.9: a wait that does not notice the cancellation, here for a cache mount of another build, ends within a second.
#[test]
fn privileged_a_canceled_build_ends_within_a_second_whatever_it_waits_for() {
    let env = skip_unless!(TestEnv::new());
    let mount = "--mount=type=cache,id=c,target=/c,sharing=locked";
    env.file("Dockerfile", &format!("FROM base\nRUN {mount} echo hold && sleep 100\n"));
    env.file("other", &format!("FROM base\nRUN {mount} echo other\n"));
    let start = |args: &[&str]| {
        let mut child = env.command(args).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let told = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        (child, told.lines().map_while(Result::ok))
    };
    let (mut holder, mut told) =
        start(&["build", "--no-cache", "--network=none", "--progress=plain", "context"]);
    assert!(told.any(|line| line.ends_with(" hold")), "the RUN says that it runs");
    let waits = ["build", "--network=none", "--progress=plain", "-f", "context/other", "context"];
    let (mut waiter, mut told) = start(&waits);
    let waiting = "waiting for another step or build that uses the cache mount";
    assert!(told.any(|line| line.contains(waiting)), "the wait for the cache mount is shown");
    let begun = Instant::now();
    kill(Pid::from_raw(i32::try_from(waiter.id()).expect("a process id")), Signal::SIGINT)
        .expect("it can be sent");
    assert_eq!(waiter.wait().expect("it ends").code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let told: Vec<String> = told.collect();
    assert!(told.iter().any(|line| line == "stopping; again to leave at once"), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("error: canceled"));
    holder.kill().expect("it can be killed");
    holder.wait().expect("it ends");
}
