//! `build --ssh default|ID[=SOCKET|KEY[,KEY]]`: SSH agents for RUN --mount=type=ssh.
//!
//! A socket is used as it is. For private keys an agent of our own is started: `ssh-agent` and `ssh-add` of OpenSSH read
//! the keys, so that every format of theirs works, and a passphrase is asked for on the terminal. The agent ends with the
//! build, also if dsbuild is killed: it serves a process that waits for the end of a pipe that we hold.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::environment;
use crate::failure::Failure;
use crate::output;

/// Program that `ssh-agent` serves: it adds the keys, reports success, and waits.
const SERVED: &str = "ssh-add -q -- \"$@\" 2>&1 && echo ready && cat > /dev/null";

/// SSH agent of our own, with keys of the user. It ends when this is dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    folder: PathBuf,
}

/// Returns the ID and the socket of an `--ssh` value. If it names private keys, an agent for them is added to `agents`.
pub fn socket(text: &str, agents: &mut Vec<Agent>) -> Result<(String, PathBuf), Failure> {
    let refused = |reason: String| Failure::usage(format!("--ssh {text:?}: {reason}"));
    let Some((id, value)) = text.split_once('=') else {
        let socket = environment::os_variable("SSH_AUTH_SOCK").map(PathBuf::from).ok_or_else(|| {
            refused("there is no SSH agent".to_owned())
                .hint("start ssh-agent, or give --ssh ID=SOCKET or ID=KEY")
        })?;
        return Ok((text.to_owned(), socket));
    };
    let paths: Vec<&Path> = value.split(',').map(Path::new).collect();
    let mut keys = Vec::new();
    for path in &paths {
        let kind =
            std::fs::metadata(path).map_err(|error| refused(path.display().to_string()).caused_by(&error))?;
        if kind.file_type().is_socket() && paths.len() == 1 {
            return Ok((id.to_owned(), (*path).to_owned()));
        }
        if !kind.is_file() {
            return Err(refused(format!("{} is neither a private key nor the only socket", path.display())));
        }
        keys.push(std::path::absolute(path)?);
    }
    let agent = Agent::start(&keys).map_err(|reason| {
        refused(reason).hint("a key needs the programs ssh-agent and ssh-add (package openssh-client)")
    })?;
    let socket = agent.socket();
    agents.push(agent);
    Ok((id.to_owned(), socket))
}

impl Agent {
    fn start(keys: &[PathBuf]) -> Result<Self, String> {
        let id = runner::container::new_id().map_err(|error| error.to_string())?;
        let name = format!("dsbuild-ssh-{id}");
        let folder = environment::socket_folder().join(name);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|error| format!("cannot create {}: {error}", output::path(&folder)))?;
        let mut command = Command::new("ssh-agent");
        command.arg("-a").arg(folder.join("agent")).args(["sh", "-c", SERVED, "sh"]).args(keys);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let _ = std::fs::remove_dir(&folder);
                return Err(format!("cannot start ssh-agent: {error}"));
            }
        };
        let mut agent = Self { child, folder };
        agent.wait_until_ready()?;
        Ok(agent)
    }

    /// Waits until the keys are added; the error is the message of `ssh-add`.
    fn wait_until_ready(&mut self) -> Result<(), String> {
        let mut lines = BufReader::new(self.child.stdout.take().expect("stdout is a pipe"));
        let mut line = String::new();
        let read = lines.read_line(&mut line).map_err(|error| error.to_string())?;
        if line.trim_end() == "ready" {
            return Ok(());
        }
        let mut rest = String::new();
        if read > 0 {
            lines.read_to_string(&mut rest).map_err(|error| error.to_string())?;
        }
        let message = output::sanitized(format!("{line}{rest}").trim());
        Err(if message.is_empty() { "ssh-agent ended".to_owned() } else { message })
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("agent")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The served process ends with its stdin, and the agent with that process.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(value: &str, expected: &str) {
        let failure = socket(value, &mut Vec::new()).expect_err("it is refused");
        assert!(failure.report().contains(expected), "{}", failure.report());
    }

    #[test]
    fn a_path_that_is_neither_socket_nor_key_is_refused_before_the_build() {
        check_refused("default=/no/such/key", "No such file");
        check_refused("default=/etc", "neither a private key");
    }

    #[test]
    fn a_socket_is_used_as_it_is() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("agent");
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let mut agents = Vec::new();
        let found = socket(&format!("id={}", path.display()), &mut agents).expect("it is a socket");
        assert_eq!((found, agents.len()), (("id".to_owned(), path), 0));
    }
}
