//! Sweeps against programs that only pretend to build: a sweep passes for an honest one, and fails for each kind of lie.
//!
//! Needs root. The programs are shell scripts, which makes their results exact: the variant of the image is their digest.

#![allow(clippy::print_stdout, reason = "a test that cannot run says why")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Program that does as it should. `$FAULT` runs with each command, whose name is `$1`.
const SCRIPT: &str = r#"#!/bin/sh
command=$1
mkdir -p "$DSBUILD_ROOT/tmp"
# The sweep learns the right results in other stores.
name=$(basename "$DSBUILD_ROOT")
variant=0
archive=
for word in "$@"; do
    case $word in
        N=*) variant=${word#N=} ;;
        type=oci,dest=*) archive=${word#type=oci,dest=} ;;
    esac
done
FAULT
case $command in
    build)
        # The archive gets its name whole: a kill between two calls leaves none.
        made="$0.$variant"
        [ -e "$made" ] || echo "$variant" > "$made"
        [ -z "$archive" ] || ln -f "$made" "$archive"
        printf 'sha256:%064d\n' "$variant"
        ;;
    run) echo 0 ;;
esac
exit 0
"#;

/// A directory with a program under test. It lies below `target`, because a sweep hides other file systems.
struct Bench {
    dir: PathBuf,
    program: PathBuf,
}

impl Bench {
    fn new(name: &str, fault: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&dir).unwrap();
        let program = dir.join("program");
        fs::write(&program, SCRIPT.replace("FAULT", fault)).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir, program }
    }

    fn sweep(&self, kind: &str, points: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sweeps"));
        command.args([kind, points, "--dsbuild"]).arg(&self.program).arg("--dir").arg(&self.dir);
        command.output().unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("SKIP needs root for namespaces of its own");
    }
    is_root
}

/// Runs a short sweep, and compares its exit code and a part of its output.
#[track_caller]
fn check(name: &str, fault: &str, code: i32, part: &str) {
    if !is_root() {
        return;
    }
    let bench = Bench::new(name, fault);
    let output = bench.sweep("kill", "4");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(part), "{text}");
}

#[test]
fn privileged_an_honest_program_is_as_specified() {
    check("honest", "", 0, "4 points, 4 as specified, 0 not");
}

#[test]
fn privileged_a_store_that_is_not_sound_fails_the_sweep() {
    let fault = "if [ $command = check ]; then echo damaged >&2; exit 1; fi";
    check("unsound", fault, 1, "the store is not sound afterwards");
}

#[test]
fn privileged_another_digest_fails_the_sweep() {
    let fault = "if [ $name = store ]; then variant=9; fi";
    check("digest", fault, 1, "exit 0 with a wrong digest");
}

#[test]
fn privileged_a_process_that_stays_fails_the_sweep() {
    let fault = "if [ $name = store ]; then setsid sleep 100 > /dev/null 2>&1 & fi";
    check("process", fault, 1, "a process is left behind");
}

#[test]
fn privileged_a_temporary_file_that_stays_fails_the_sweep() {
    let fault = "if [ $name = store ]; then touch $DSBUILD_ROOT/tmp/a; fi";
    check("temporary", fault, 1, "temporary files are left behind");
}

#[test]
fn privileged_a_panic_fails_the_sweep() {
    let fault = "if [ $name = store ]; then echo \"thread 'main' panicked at a.rs:1\" >&2; exit 101; fi";
    check("panic", fault, 1, "a command panics");
}

#[test]
fn privileged_a_program_that_does_not_work_stops_the_sweep() {
    check("broken", "exit 1", 2, "failed: exit 1");
}

#[test]
fn privileged_nothing_outside_of_the_work_directory_can_be_written() {
    if !is_root() {
        return;
    }
    let bench = Bench::new("outside", "");
    let outside = bench.dir.join("outside");
    let text = SCRIPT.replace("FAULT", &format!("echo x > '{}'", outside.display()));
    fs::write(&bench.program, text).unwrap();
    let output = bench.sweep("kill", "4");
    assert!(!outside.exists());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn privileged_a_work_directory_keeps_other_files() {
    if !is_root() {
        return;
    }
    let bench = Bench::new("other-files", "");
    let other = bench.dir.join("other");
    fs::write(&other, "kept").unwrap();
    assert_eq!(bench.sweep("kill", "1").status.code(), Some(0));
    assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
    assert!(!bench.dir.join("sweep-work").exists());
}
