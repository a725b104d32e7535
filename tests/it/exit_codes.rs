//! Exit codes, as `--help` has them. Those of `run` are in `run.rs`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::env::{TestEnv, skip_unless};

#[test]
fn success_the_user_and_we() {
    let env = TestEnv::bare();
    env.build("FROM scratch\n", &["--check"]).success();
    env.build("FROM scratch\nFORM x\n", &["--check"]).fails(1);
    env.dsbuild(&["build", "no-such-folder"]).fails(1);
    env.dsbuild(&["build", "-f", "no-such-file", "context"]).fails(1);
    env.dsbuild(&["build", "--no-such-flag", "context"]).fails(2);
    env.dsbuild(&["build", "--call", "no-such-call", "context"]).fails(2);
    env.dsbuild(&[]).fails(2);
    env.dsbuild(&["run"]).fails(125);
    let help = env.dsbuild(&["--help"]).success().stdout();
    for code in ["0", "1", "2", "130", "125", "126", "127"] {
        assert!(help.contains(&format!("\n  {code} ")), "{code} is not in:\n{help}");
    }
}

#[test]
fn a_word_that_is_no_command_may_have_been_meant_for_one() {
    let told = TestEnv::bare().dsbuild(&["iamges"]).fails(1).stderr();
    assert!(told.contains("did you mean `dsbuild images`?"), "{told}");
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
        let told = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut lines = told.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.ends_with(" started")), "the RUN says that it runs");
        let pid = i32::try_from(child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("it can be sent");
        assert!(lines.any(|line| line == "error: canceled"));
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{signal}");
    }
}

#[test]
fn privileged_a_build_arg_that_nothing_takes_is_told() {
    let env = skip_unless!(TestEnv::new());
    let told = env.build("FROM base\nARG MODE\n", &["--build-arg", "MOED=1"]).success().stderr();
    let expected = "[Warning] One or more build-args [MOED] were not consumed (did you mean MODE?)";
    assert!(told.contains(expected), "{told}");
    let told = env.build("FROM base\nARG MODE\n", &["--build-arg", "MODE=1"]).success().stderr();
    assert!(!told.contains("[Warning]"), "{told}");
}
