//! Small limits: few processes, small files. Every failure is an error with its reason, and nothing waits for ever.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::env::{Ran, TestEnv, skip_unless};

/// A cgroup that limits the number of processes; removed when dropped.
struct PidsGroup(PathBuf);

impl PidsGroup {
    fn new(name: &str) -> Result<Self, String> {
        let name = format!("dsbuild-test-{name}-{}", std::process::id());
        for parent in ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"] {
            let dir = PathBuf::from(parent).join(&name);
            if fs::create_dir(&dir).is_ok() {
                let group = Self(dir);
                if group.0.join("pids.max").exists() {
                    return Ok(group);
                }
            }
        }
        Err("no cgroup with the pids controller can be made".to_owned())
    }

    /// Runs dsbuild with at most `limit` processes and threads; `None` if it does not end.
    fn run(&self, env: &TestEnv, limit: u32, args: &[&str]) -> Option<Ran> {
        fs::write(self.0.join("pids.max"), limit.to_string()).expect("the limit can be set");
        let script = format!("echo $$ > {}/cgroup.procs; exec \"$@\"", self.0.display());
        let mut command = env.program("sh");
        command.args(["-c", &script, "sh"]).arg(env.binary()).args(args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("sh runs");
        let deadline = Instant::now() + Duration::from_secs(20);
        while child.try_wait().expect("it can be waited for").is_none() {
            if Instant::now() > deadline {
                child.kill().expect("it can be killed");
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Ran(child.wait_with_output().expect("it has ended")))
    }
}

impl Drop for PidsGroup {
    fn drop(&mut self) {
        // A process that was killed can need a moment to end.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// B.8: where no threads can be started, that is an error, neither a panic nor a wait without end.
#[test]
fn privileged_few_processes_give_an_error_or_a_result() {
    let env = skip_unless!(TestEnv::new());
    let group = skip_unless!(PidsGroup::new("few"));
    for number in 0..50 {
        env.file(&format!("f{number}"), "text");
    }
    env.build("FROM base\nCOPY . /x\nARG N\nRUN echo $N > /n\n", &[]).success();
    for limit in [2, 3, 4, 5, 6, 8, 10, 12, 16, 64] {
        let (number, dest) = (format!("N={limit}"), format!("type=oci,dest={limit}.tar"));
        let commands: [&[&str]; 3] = [
            &["build", "-q", "--no-cache", "--build-arg", &number, "context"],
            &["build", "-q", "-o", &dest, "context"],
            &["run", "--rm", "t", "true"],
        ];
        for args in commands {
            let ran = group.run(&env, limit, args);
            let Some(ran) = ran else { panic!("{args:?} hangs with {limit} processes") };
            let (code, told) = (ran.0.status.code(), ran.stderr());
            assert!(matches!(code, Some(0 | 1 | 2 | 125)), "{limit} {args:?}: {code:?} {told}");
            assert!(!told.contains("panicked"), "{limit} {args:?}: {told}");
            assert!(code == Some(0) || told.contains("error:"), "{limit} {args:?}: {told}");
            assert!(limit < 64 || code == Some(0), "{limit} {args:?}: {told}");
        }
    }
}

/// B.8: a limit on the size of files does not end dsbuild without a word.
#[test]
fn privileged_a_file_size_limit_is_an_error() {
    let env = skip_unless!(TestEnv::new());
    env.file("big", &"0123456789".repeat(60_000));
    env.file("Dockerfile", "FROM base\nCOPY big /big\n");
    for (args, code) in [("build -q context", 2), ("import -t other base.tar", 1)] {
        let script = format!("ulimit -f 100; exec {} {args}", env.binary().display());
        let ran = Ran(env.program("sh").args(["-c", &script]).output().expect("sh runs")).fails(code);
        let told = ran.stderr();
        assert!(told.contains("File too large"), "{args}: {told}");
        assert!(
            told.contains(&env.store().display().to_string()),
            "the file is in the store: {args}: {told}"
        );
    }
}
