//! SIGKILL at any moment leaves no process and no mount, and does not change the next build.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::env::{TestEnv, skip_unless};

/// Environment variable of all processes of these builds.
const MARK: &str = "DSBUILD_TEST_MARK_OF_KILLED_BUILDS";

/// Returns how often a build is killed: `DSBUILD_TEST_KILLS`, or 10.
fn kills() -> u32 {
    std::env::var("DSBUILD_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

fn dockerfile(n: u32) -> String {
    format!(
        "FROM base AS a\nENV {MARK}={n}\nCOPY f /f\nRUN seq 1 20000 > /a; sleep 0.1\nRUN sha256sum /a > /s\n\
         FROM base AS b\nENV {MARK}={n}\nRUN sleep 0.15; echo b > /b\n\
         FROM a\nCOPY --from=b /b /b\nRUN cat /a /b /f > /all; sleep 0.1\n"
    )
}

#[test]
fn privileged_a_killed_build_leaves_nothing_and_breaks_nothing() {
    let env = skip_unless!(TestEnv::new());
    env.file("f", "f\n");
    let began = Instant::now();
    env.digest(&dockerfile(u32::MAX));
    let whole = began.elapsed();
    let mounts = mounts();
    for n in 0..kills() {
        env.file("Dockerfile", &dockerfile(n));
        let mut child = env
            .command(&["-t", "t", "context"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        // The kills are spread over the duration of a build.
        std::thread::sleep(whole.mul_f64(f64::from(n) / f64::from(kills())));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        wait_until_gone();
        assert_eq!(self::mounts(), mounts, "a mount was left");
        let after = env.digest(&dockerfile(n));
        assert_eq!(after, env.clean().digest(&dockerfile(n)), "kill {n}");
    }
    env.dsbuild(&["check", "--read-data"]).success();
}

/// Waits until all processes of the sandboxes have ended, for which the kernel needs a moment.
#[track_caller]
fn wait_until_gone() {
    let deadline = Instant::now() + Duration::from_secs(2);
    while marked() > 0 {
        assert!(Instant::now() < deadline, "a process was left");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the number of processes with the mark in their environment.
fn marked() -> usize {
    let entries = fs::read_dir("/proc").expect("there is a /proc").filter_map(Result::ok);
    let environments = entries.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
    environments.filter(|text| String::from_utf8_lossy(text).contains(MARK)).count()
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").expect("there is a /proc")
}
