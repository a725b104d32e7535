//! Runs the whole benchmark with a shell script in place of dsbuild: tools that fail, lie or hang.
#![allow(clippy::print_stdout, reason = "tests say why they are skipped")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Default script: `import` and `build` succeed, and `build` to a file creates it.
const GOOD: &str = r#"#!/bin/sh
case "$1" in
    --version) echo "dsbuild 0.0.0-fake" ;;
    build) for a; do case "$a" in type=docker,dest=*) : > "${a#type=docker,dest=}" ;; esac; done ;;
    run) RUN ;;
esac
"#;

struct World {
    dir: tempfile::TempDir,
}

impl World {
    /// Creates a script whose `dsbuild run` executes `run`.
    fn new(run: &str) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        let script = world.path("dsbuild");
        fs::write(&script, GOOD.replace("RUN", run)).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
        command.args(args).args(["--without", "docker", "--without", "buildah", "--quick", "--dsbuild"]);
        command.arg(self.path("dsbuild")).arg("--json").arg(self.path("json"));
        command
    }

    /// Measures without namespaces, which need root; the results.
    fn measure(&self, args: &[&str]) -> Value {
        let inside = self.path("inside");
        fs::create_dir_all(&inside).unwrap();
        let output = self.command(args).arg("--inside").arg(inside).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&fs::read(self.path("json")).unwrap()).unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// A tool's cell in the first row.
fn cell<'a>(results: &'a Value, tool: &str) -> &'a Value {
    let cells = results["rows"][0]["cells"].as_array().unwrap();
    cells.iter().find(|cell| cell["tool"] == tool).unwrap()
}

/// Why busybox's image cannot be made here.
fn has_busybox() -> bool {
    let is_here = Path::new("/bin/busybox").exists();
    if !is_here {
        println!("SKIP busybox-static is not installed");
    }
    is_here
}

#[test]
fn runs_are_timed() {
    if !has_busybox() {
        return;
    }
    let results = World::new("sleep 0.1").measure(&["--only", "run-true", "--runs", "3", "--budget", "60"]);
    let samples = cell(&results, "dsbuild")["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 3);
    assert!(samples.iter().all(|sample| sample["wall_s"].as_f64().unwrap() >= 0.1), "{samples:?}");
    assert_eq!(cell(&results, "floor")["samples"].as_array().unwrap().len(), 3);
}

#[test]
fn a_tool_that_fails_has_its_error_in_its_cell_and_the_others_go_on() {
    if !has_busybox() {
        return;
    }
    let results = World::new("echo out of order; exit 7").measure(&["--only", "run-true"]);
    let failed = cell(&results, "dsbuild");
    assert_eq!(failed["trouble"], "dsbuild failed: out of order");
    assert_eq!(failed["samples"].as_array().unwrap().len(), 0);
    assert!(!cell(&results, "floor")["samples"].as_array().unwrap().is_empty());
}

#[test]
fn a_tool_with_a_wrong_result_has_no_figure() {
    if !has_busybox() {
        return;
    }
    let results = World::new("echo something else").measure(&["--only", "nine-steps"]);
    let failed = cell(&results, "dsbuild");
    assert_eq!(
        failed["trouble"],
        "wrong result: /app/vendor/alpha/VERSION contains \"something else\", not \"alpha\""
    );
    assert_eq!(failed["samples"].as_array().unwrap().len(), 0);
}

#[test]
fn results_are_printed_again_and_compared() {
    let world = World::new("true");
    let measured = world.measure(&["--only", "parse/1000-lines", "--only", "ignore/"]);
    let names: Vec<_> = measured["parts"].as_array().unwrap().iter().map(|part| &part["name"]).collect();
    assert_eq!(names, ["parse/1000-lines", "ignore/50k-paths"]);
    let json = world.path("json");
    let mut again = Command::new(env!("CARGO_BIN_EXE_benches"));
    let output = again.arg("--from").arg(&json).arg("--compare").arg(&json).output().unwrap();
    let text = said(&output);
    assert!(output.status.success() && text.contains("parse 1,000 lines") && text.contains("1.00"), "{text}");
    fs::write(&json, "[]").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_benches")).arg("--from").arg(&json).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("is not a result of this benchmark"), "{}", said(&output));
}

#[test]
fn privileged_nothing_is_left_when_the_benchmark_is_killed() {
    if !has_busybox() {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        println!("SKIP not root");
        return;
    }
    let world = World::new("sleep 4242.5");
    let work = world.path("work");
    let mut command = world.command(&["--only", "run-true"]);
    let mut bench =
        command.arg("--dir").arg(&work).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the tool runs", &mut bench, || !sleepers().is_empty());
    let second = world.command(&["--only", "run-true"]).arg("--dir").arg(&work).output().unwrap();
    assert!(said(&second).contains("another benchmark runs there"), "{}", said(&second));
    let pid = nix::unistd::Pid::from_raw(bench.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(!bench.wait().unwrap().success());
    assert!(!work.join("work").exists());
    let deadline = Instant::now() + Duration::from_secs(30);
    while !sleepers().is_empty() {
        assert!(Instant::now() < deadline, "the tool still runs");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[track_caller]
fn wait_until(what: &str, bench: &mut Child, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(bench.try_wait().unwrap().is_none(), "it ended before {what}");
        assert!(Instant::now() < deadline, "{what} in a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Processes that the fake tool has started: no other sleeps for so long.
fn sleepers() -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    processes
        .filter(|path| fs::read(path.join("cmdline")).is_ok_and(|line| line == b"sleep\x004242.5\x00"))
        .collect()
}
