//! One program: started, limited in time and output, and waited for.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::SweepError;

/// Bytes that are kept of each output stream; the rest is read and dropped.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;

/// Pause between two looks at a running program.
const POLL: Duration = Duration::from_millis(2);

/// Source date of all builds. Without it the date comes from git if the work directory is in a repository, and the digest
/// would depend on commits and on faults of the git process.
const SOURCE_DATE: &str = "1000000000";

/// A program with its arguments, ready to start.
#[derive(Debug, Clone)]
pub struct Call {
    program: PathBuf,
    args: Vec<OsString>,
    store: PathBuf,
    limit: Duration,
}

/// A started program, whose process group it leads.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    started: Instant,
    limit: Duration,
}

/// Result of a program.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    /// Exit code, or `None` if a signal ended the program.
    pub code: Option<i32>,
    /// Signal that ended the program, or `None` if it exited.
    pub signal: Option<i32>,
    /// Beginning of the standard output.
    pub stdout: String,
    /// Beginning of the standard error.
    pub stderr: String,
    /// The program outlasted its limit and was killed.
    pub is_timed_out: bool,
    /// Time from the start to the end.
    pub elapsed: Duration,
}

impl Call {
    /// Prepares a program that uses `store`. The environment is empty except for `PATH`, `HOME` and the store.
    pub fn new(program: &Path, store: &Path) -> Self {
        let limit = Duration::from_secs(60);
        Self { program: program.to_owned(), args: Vec::new(), store: store.to_owned(), limit }
    }

    /// Appends arguments to the command line.
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets the time after which the program is killed.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Turns the call into one of `program`, whose arguments end with the command line of this call.
    pub fn under(self, program: &str, args: impl IntoIterator<Item = String>) -> Self {
        let inner = std::iter::once(self.program.into_os_string()).chain(self.args);
        let args = args.into_iter().map(OsString::from).chain(inner).collect();
        Self { program: program.into(), args, ..self }
    }

    /// Starts the program in a process group of its own.
    pub fn start(&self) -> Result<Running, SweepError> {
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.store.parent().unwrap_or(&self.store))
            .env("DSBUILD_ROOT", &self.store)
            .env("SOURCE_DATE_EPOCH", SOURCE_DATE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(SweepError::at(&self.program))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = (std::thread::spawn(|| kept(stdout)), std::thread::spawn(|| kept(stderr)));
        Ok(Running { child, stdout, stderr, started: Instant::now(), limit: self.limit })
    }

    /// Starts the program and waits for it.
    pub fn run(&self) -> Result<Finished, SweepError> {
        self.start()?.wait()
    }

    /// Runs a step that has to succeed, and returns its standard output.
    pub fn expect_success(&self) -> Result<String, SweepError> {
        let finished = self.run()?;
        if finished.code == Some(0) {
            return Ok(finished.stdout);
        }
        let words =
            std::iter::once(self.program.as_os_str()).chain(self.args.iter().map(OsString::as_os_str));
        let command = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
        Err(SweepError::Setup { command, output: finished.summary() })
    }
}

impl Running {
    /// Process ID, which is also the ID of the process group.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Reports whether the program has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Kills the program and everything in its process group.
    pub fn kill_group(&mut self) {
        // A group that does not exist any more has ended by itself.
        let _ = kill_process_group(self.pid(), Signal::KILL);
    }

    /// Waits for the end of the program, and kills its group after the limit.
    pub fn wait(mut self) -> Result<Finished, SweepError> {
        let mut is_timed_out = false;
        let status = loop {
            match self.child.try_wait().map_err(SweepError::at(Path::new("a child process")))? {
                Some(status) => break status,
                None if !is_timed_out && self.started.elapsed() > self.limit => {
                    is_timed_out = true;
                    self.kill_group();
                }
                None => std::thread::sleep(POLL),
            }
        };
        let elapsed = self.started.elapsed();
        if is_timed_out {
            self.kill_group();
        }
        let [stdout, stderr] = [self.stdout, self.stderr].map(|reader| reader.join().unwrap_or_default());
        Ok(Finished { code: status.code(), signal: status.signal(), stdout, stderr, is_timed_out, elapsed })
    }
}

impl Finished {
    /// Returns the exit code or signal, and the messages on standard error: errors and panics, else its last lines.
    pub fn summary(&self) -> String {
        let is_message = |line: &&str| ["error", "panicked at"].iter().any(|word| line.contains(word));
        let mut lines: Vec<&str> = self.stderr.trim().lines().filter(is_message).take(4).collect();
        if lines.is_empty() {
            lines = self.stderr.trim().lines().rev().take(4).collect();
            lines.reverse();
        }
        format!("{}: {}", self.status(), lines.join(" | "))
    }

    /// Returns `exit 0`, `exit N`, `signal N` or `hang`.
    pub fn status(&self) -> String {
        match (self.is_timed_out, self.code, self.signal) {
            (true, ..) => "hang".to_owned(),
            (_, Some(code), _) => format!("exit {code}"),
            (_, _, signal) => format!("signal {}", signal.unwrap_or_default()),
        }
    }
}

/// Reads a stream to its end and returns its beginning.
fn kept(stream: Option<impl Read>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut bytes = Vec::new();
    let mut beginning = stream.by_ref().take(MAX_OUTPUT_BYTES);
    // A broken pipe ends the output: what was read is what there is.
    let _ = beginning.read_to_end(&mut bytes);
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Call {
        Call::new(Path::new("/bin/sh"), Path::new("/nowhere/store")).args(["-c", script])
    }

    #[track_caller]
    fn check(script: &str, status: &str, stdout: &str) {
        let finished = shell(script).limit(Duration::from_millis(500)).run().expect("sh starts");
        assert_eq!((finished.status().as_str(), finished.stdout.as_str()), (status, stdout));
    }

    #[test]
    fn a_program_ends_with_its_exit_code_its_signal_or_its_limit() {
        check("echo a; exit 3", "exit 3", "a\n");
        check("kill -9 $$", "signal 9", "");
        check("sleep 30 & sleep 30", "hang", "");
        check("echo $DSBUILD_ROOT", "exit 0", "/nowhere/store\n");
    }

    #[test]
    fn long_output_is_read_to_its_end_and_cut() {
        let finished = shell("yes | head -c 1000000; exit 4").run().expect("sh starts");
        assert_eq!((finished.code, finished.stdout.len() as u64), (Some(4), MAX_OUTPUT_BYTES));
    }

    #[test]
    fn a_call_under_another_program_keeps_its_arguments() {
        let call = Call::new(Path::new("/bin/echo"), Path::new("/s")).args(["b"]);
        let finished = call.under("/bin/echo", ["a".to_owned()]).run().expect("echo starts");
        assert_eq!(finished.stdout, "a /bin/echo b\n");
    }
}
