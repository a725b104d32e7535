//! The git program, sealed.
//!
//! It gets no variable, configuration or credential of the user beyond those below: its environment is made anew, system
//! and user configuration are off, there are no hooks, nothing is asked on a terminal, and git speaks only the protocols
//! that a caller allows. Nothing is ever checked out: git runs no filter, and writes no symlink and no file of a repository.
//!
//! Invariant: text from outside (URLs, commits, paths) comes after `--` or in `--path=`, or is hex digits only. Logins travel
//! in the environment, which other users cannot read, not in arguments, which they can.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::GitError;

/// Search path for programs if the environment of the user has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Number of bytes of git's messages that are kept.
const MAX_MESSAGE_BYTES: u64 = 64 * 1024;
/// Longest answer that is read into memory: names and hashes.
const MAX_ANSWER_BYTES: u64 = 1 << 30;
/// Longest pause between two looks at whether git has ended.
const MAX_PAUSE: Duration = Duration::from_millis(20);

/// Variables that git always gets.
const VARIABLES: [(&str, &str); 15] = [
    ("HOME", "/dev/null"),
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TEMPLATE_DIR", ""),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "false"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_PAGER", "cat"),
    ("GIT_LITERAL_PATHSPECS", "1"),
];

/// Configuration that git always gets.
const CONFIGURATION: [(&str, &str); 12] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.unpackLimit", "1"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
    ("init.defaultBranch", "main"),
    ("log.showSignature", "false"),
    ("transfer.bundleURI", "false"),
];

/// Settings with which git runs.
#[derive(Clone)]
pub(super) struct Git<'a> {
    /// Variables from the environment of the user.
    pub variables: &'a BTreeMap<String, OsString>,
    /// Reports whether the build was canceled.
    pub is_canceled: &'a (dyn Fn() -> bool + Sync),
    /// Repository, or `None` for commands that need none.
    pub repository: Option<PathBuf>,
    /// Directory whose `.gitattributes` files count, or `None` to read objects as they are.
    pub work_tree: Option<PathBuf>,
    /// Directory that git runs in. It does not look for a repository above it.
    pub folder: PathBuf,
    /// Protocols that git can speak, separated by colons.
    pub protocols: String,
    /// Socket of the SSH agent that ssh can use.
    pub ssh_agent: Option<PathBuf>,
    /// File with the keys of ssh servers.
    pub known_hosts: PathBuf,
    /// Configuration besides that which git always gets.
    pub configuration: Vec<(String, String)>,
}

impl Git<'_> {
    /// Returns the same settings with one more variable of the configuration.
    pub fn with_configuration(&self, name: &str, value: &str) -> Self {
        let mut git = self.clone();
        git.configuration.push((name.to_owned(), value.to_owned()));
        git
    }

    /// Runs git and returns its output. `action` completes the sentence "failed to".
    pub fn run<S: AsRef<OsStr>>(&self, action: &str, arguments: &[S]) -> Result<Vec<u8>, GitError> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let (status, answer, message) = self.finish(command)?;
        if status.success() { Ok(answer) } else { Err(failed(action, status, &message)) }
    }

    /// Runs git and returns its output as text, without white space at the end.
    pub fn text<S: AsRef<OsStr>>(&self, action: &str, arguments: &[S]) -> Result<String, GitError> {
        let answer = self.run(action, arguments)?;
        Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
    }

    /// Runs git with its input from one file and its output to another.
    pub fn pass<S: AsRef<OsStr>>(
        &self,
        action: &str,
        arguments: &[S],
        (input, output): (File, File),
    ) -> Result<(), GitError> {
        let mut command = self.command(arguments);
        command.stdin(input).stdout(output);
        let (status, _, message) = self.finish(command)?;
        if status.success() { Ok(()) } else { Err(failed(action, status, &message)) }
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().env("PATH", DEFAULT_PATH).envs(self.variables).envs(VARIABLES);
        command.env("GIT_ALLOW_PROTOCOL", &self.protocols).env("GIT_CEILING_DIRECTORIES", &self.folder);
        command.env("GIT_SSH_VARIANT", "ssh").env("GIT_SSH_COMMAND", self.ssh());
        if let Some(agent) = &self.ssh_agent {
            command.env("SSH_AUTH_SOCK", agent);
        }
        if let Some(repository) = &self.repository {
            command.env("GIT_DIR", repository);
        }
        if let Some(work_tree) = &self.work_tree {
            command.env("GIT_WORK_TREE", work_tree);
        }
        let owned = self.configuration.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut count = 0;
        for (name, value) in CONFIGURATION.into_iter().chain(owned) {
            command.env(format!("GIT_CONFIG_KEY_{count}"), name);
            command.env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        // Git gets a process group of its own, so that the programs that it starts can be killed with it.
        command.current_dir(&self.folder).process_group(0).args(arguments).stderr(Stdio::piped());
        command
    }

    /// Returns the ssh command: without configuration and keys of the user, except those that a given agent holds.
    ///
    /// The key of an unknown server is accepted and remembered.
    fn ssh(&self) -> String {
        let agent = if self.ssh_agent.is_some() { "SSH_AUTH_SOCK" } else { "none" };
        let known = self.known_hosts.display().to_string().replace('\'', "'\\''");
        format!(
            "ssh -F /dev/null -o BatchMode=yes -o IdentityFile=none -o IdentityAgent={agent} -o ConnectTimeout=30 -o ServerAliveInterval=30 \
             -o StrictHostKeyChecking=accept-new -o 'UserKnownHostsFile=\"{known}\" ~/.ssh/known_hosts'"
        )
    }

    fn finish(&self, mut command: Command) -> Result<(ExitStatus, Vec<u8>, String), GitError> {
        let mut child = command.spawn().map_err(|source| GitError::Start { source })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| stdout.map_or(Ok(Vec::new()), |out| read(out, MAX_ANSWER_BYTES)));
            let message = scope.spawn(|| stderr.map_or(Ok(Vec::new()), |out| read(out, MAX_MESSAGE_BYTES)));
            let status = self.wait(&mut child);
            let answer = answer.join().expect("reading does not panic");
            let message = message.join().expect("reading does not panic");
            let broken = |source| GitError::Start { source };
            let message = String::from_utf8_lossy(&message.map_err(broken)?).into_owned();
            Ok((status?, answer.map_err(broken)?, message))
        })
    }

    /// Waits until git ends. If the build is canceled, kills git and the programs that it has started.
    fn wait(&self, child: &mut Child) -> Result<ExitStatus, GitError> {
        let mut pause = Duration::from_millis(1);
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if (self.is_canceled)() => {
                    end(child);
                    return Err(GitError::Canceled);
                }
                Ok(None) => std::thread::sleep(pause),
                Err(source) => {
                    end(child);
                    return Err(GitError::Start { source });
                }
            }
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

/// Reads to the end and keeps at most `limit_bytes`: a program whose output is not read does not end.
fn read(mut out: impl Read, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    out.by_ref().take(limit_bytes).read_to_end(&mut bytes)?;
    io::copy(&mut out, &mut io::sink())?;
    Ok(bytes)
}

/// Returns the error with git's last message, in one line and without control characters.
fn failed(action: &str, status: ExitStatus, message: &str) -> GitError {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let words = match lines.iter().rposition(|line| line.starts_with("fatal:") || line.starts_with("error:"))
    {
        Some(at) => lines[at..].join(" "),
        None => lines.last().copied().unwrap_or_default().to_owned(),
    };
    let reason = if words.is_empty() { status.to_string() } else { words.replace(char::is_control, " ") };
    GitError::Failed { action: action.to_owned(), reason }
}
