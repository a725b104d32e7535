//! Running one program: its time, processor time, memory and what it writes, with a limit.
//!
//! Each program is started through this binary ([`main`]), which waits for it and prints a [`Sample`]. That process is
//! small and has one child only, so that the kernel's figures about its children are those of the program: the peak is that
//! of the largest process that the program was or waited for, never the sum of several.
//!
//! The output of the program goes to a log, whose end a failure quotes.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::stats::Sample;

/// First argument of this binary that makes it measure one program.
pub const WORD: &str = "measure-one-program";

/// Exit code for a program that ran too long; the one that `timeout` uses.
const TIMED_OUT: u8 = 124;

/// Reason why a program gave no sample.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The program could not be started.
    #[error("cannot run {program}")]
    Start {
        /// File name of the program.
        program: String,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The program ended with another exit code than 0, or by a signal.
    #[error("{program} failed: {said}")]
    Failed {
        /// File name of the program.
        program: String,
        /// Last lines of its output.
        said: String,
    },
    /// The program ran longer than the limit and was killed.
    #[error("{program} took longer than {limit_s} s")]
    TooLong {
        /// File name of the program.
        program: String,
        /// Longest time that it had, in seconds.
        limit_s: u64,
    },
}

/// Runs and measures programs, with one log and one limit on their time.
#[derive(Debug, Clone)]
pub struct Meter {
    /// Path of this binary.
    own: PathBuf,
    log: PathBuf,
    limit_s: u64,
}

impl Meter {
    /// Creates a meter whose `log` is overwritten by each run.
    pub fn new(log: PathBuf, limit: Duration) -> io::Result<Self> {
        Ok(Self { own: std::env::current_exe()?, log, limit_s: limit.as_secs() })
    }

    /// Runs a program to its end. A program that fails is an error.
    pub fn run(&self, command: &Command) -> Result<Sample, RunError> {
        let program = name(command.get_program());
        let start = |source| RunError::Start { program: program.clone(), source };
        let output = self.wrapped(command).output().map_err(start)?;
        match (output.status.code(), serde_json::from_slice(&output.stdout)) {
            (Some(0), Ok(sample)) => Ok(sample),
            (Some(code), _) if code == i32::from(TIMED_OUT) => {
                Err(RunError::TooLong { program, limit_s: self.limit_s })
            }
            _ => Err(RunError::Failed { program, said: self.said() }),
        }
    }

    /// Runs a program and returns its output, standard error included.
    pub fn output(&self, command: &Command) -> Result<String, RunError> {
        self.run(command)?;
        Ok(fs::read(&self.log).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default())
    }

    fn wrapped(&self, command: &Command) -> Command {
        let mut wrapped = Command::new(&self.own);
        wrapped.arg(WORD).arg(&self.log).arg(self.limit_s.to_string()).arg(command.get_program());
        wrapped.args(command.get_args());
        if let Some(dir) = command.get_current_dir() {
            wrapped.current_dir(dir);
        }
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(key, value),
                None => wrapped.env_remove(key),
            };
        }
        wrapped
    }

    /// Returns the last lines of the log.
    fn said(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join(" | ")
    }
}

fn name(program: &OsStr) -> String {
    Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

/// Measures one program and prints the sample. Arguments: `LOG LIMIT_S PROGRAM ARGUMENTS...`.
#[allow(clippy::print_stdout, reason = "the sample is read from there")]
pub fn main(arguments: &[OsString]) -> ExitCode {
    let [log, limit_s, program, rest @ ..] = arguments else { return ExitCode::from(2) };
    let limit_s = limit_s.to_str().and_then(|text| text.parse().ok()).unwrap_or(600);
    match measured(Path::new(log), Duration::from_secs(limit_s), program, rest) {
        Ok(Ended::Done(sample)) => {
            println!("{}", serde_json::json!(sample));
            ExitCode::SUCCESS
        }
        Ok(Ended::TimedOut) => ExitCode::from(TIMED_OUT),
        Ok(Ended::Failed) => ExitCode::FAILURE,
        Err(error) => {
            let _ = fs::write(log, error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug)]
enum Ended {
    Done(Sample),
    Failed,
    TimedOut,
}

fn measured(log: &Path, limit: Duration, program: &OsStr, arguments: &[OsString]) -> io::Result<Ended> {
    let log = File::create(log)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
    let start = Instant::now();
    let mut child = command.spawn()?;
    let group = Pid::from_raw(child.id().cast_signed());
    let (ended, still_running) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let timed_out = still_running.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        timed_out && killpg(group, Signal::SIGKILL).is_ok()
    });
    let status = child.wait()?;
    let wall_s = start.elapsed().as_secs_f64();
    drop(ended);
    if watch.join().is_ok_and(|killed| killed) {
        return Ok(Ended::TimedOut);
    }
    if !status.success() {
        return Ok(Ended::Failed);
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu_s = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .iter()
        .sum();
    // The kernel counts in KiB.
    let peak_rss_bytes = u64::try_from(usage.max_rss()).unwrap_or(0) * 1024;
    // This one is in sectors of 512 bytes: writes to the page cache and direct ones.
    let written_bytes = u64::try_from(usage.block_writes()).unwrap_or(0) * 512;
    Ok(Ended::Done(Sample { wall_s, cpu_s, peak_rss_bytes, written_bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> (Ended, String) {
        let log = tempfile::NamedTempFile::new().unwrap();
        let arguments = ["-c".into(), script.into()];
        let ended = measured(log.path(), limit, OsStr::new("sh"), &arguments).unwrap();
        (ended, fs::read_to_string(log.path()).unwrap())
    }

    #[test]
    fn time_and_output_are_the_programs() {
        let (ended, said) = sh("echo out; echo err >&2; sleep 0.2", Duration::from_secs(60));
        assert_eq!(said, "out\nerr\n");
        assert!(matches!(ended, Ended::Done(s) if s.wall_s > 0.2 && s.cpu_s < 0.2), "{ended:?}");
    }

    #[test]
    fn a_failure_is_no_sample() {
        assert!(matches!(sh("exit 3", Duration::from_secs(60)).0, Ended::Failed));
    }

    #[test]
    fn memory_is_that_of_the_largest_process() {
        // 40 MB in a variable of a child of the shell that is measured.
        let script = "(x=$(head -c 40000000 /dev/zero | tr '\\0' x); test ${#x} = 40000000); true";
        let (ended, _) = sh(script, Duration::from_secs(60));
        assert!(matches!(ended, Ended::Done(s) if s.peak_rss_bytes > 40_000_000), "{ended:?}");
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        assert!(matches!(sh("sleep 60 & sleep 60", Duration::from_millis(200)).0, Ended::TimedOut));
    }
}
