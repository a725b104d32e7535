//! Why a RUN has no layer.

use std::fmt;
use std::io;
use std::path::PathBuf;

use cache::StoreError;
use cdi::CdiError;
use rootfs::RootfsError;
use sandbox::{Exit, SandboxError};
use sources::SecretError;
use users::UserError;

use super::foreign::NoEmulator;
use super::limit::ReachedLimit;
use crate::result::InputError;

/// A process that could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// The process ran and failed.
    #[error("process {command:?} did not complete successfully: {}", status(exit, limit.as_ref()))]
    Process {
        /// Command line as BuildKit shows it.
        command: String,
        /// Exit code or signal.
        exit: Exit,
        /// Last lines of its output.
        tail: String,
        /// Limit that it has reached, which mostly is the cause.
        limit: Option<ReachedLimit>,
    },
    /// `RUN []`, which is an error only when it is run, as with BuildKit.
    #[error("RUN needs a command")]
    NoCommand,
    /// This machine allows no sandbox.
    #[error("RUN needs namespaces: {reason}")]
    NoIsolation {
        /// Refusal of the kernel, with an instruction for the user.
        reason: String,
    },
    /// The program is for another platform, and no emulator runs it.
    #[error(transparent)]
    NoEmulator(#[from] NoEmulator),
    /// A required secret was not given.
    #[error("secret {id}: not found")]
    NoSecret {
        /// Id of the secret.
        id: String,
    },
    /// The process has left a secret in its layer, and `--secrets=strict` was given.
    #[error("{0}")]
    LeakedSecret(LeakedSecret),
    /// A required SSH agent was not given.
    #[error("unset ssh forward key {id}")]
    NoSshAgent {
        /// Id of the agent.
        id: String,
    },
    /// The build was canceled.
    #[error("canceled")]
    Canceled,
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A device does not exist or cannot be described.
    #[error(transparent)]
    Device(#[from] CdiError),
    /// An input cannot be used as the process needs it.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The layer store refused.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
    /// Files of another step could not be written where the process needs them.
    #[error(transparent)]
    Tree(#[from] trees::TreeError),
    /// The user of the process cannot be resolved.
    #[error(transparent)]
    User(#[from] UserError),
    /// The sandbox could not be built.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The store reported an error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused. `action` is a verb phrase.
    #[error("cannot {action}")]
    Io {
        /// Verb phrase that says what was tried.
        action: &'static str,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Formats the end of a process as a shell does: a signal is 128 plus its number.
fn status(exit: &Exit, limit: Option<&ReachedLimit>) -> String {
    let code = match exit {
        Exit::Code(code) => format!("exit code: {code}"),
        Exit::Signal(signal) => format!("exit code: {} (signal {signal})", 128 + signal),
    };
    limit.map_or(code.clone(), |limit| format!("{code}: {limit}"))
}

/// A secret that is in a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeakedSecret {
    /// Id of the secret.
    pub id: String,
    /// Path of the file, relative to the root.
    pub path: PathBuf,
    /// Form in which the value occurs: "base64", for example; `None` for the value itself.
    pub encoding: Option<&'static str>,
}

impl fmt::Display for LeakedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoding = self.encoding.map_or(String::new(), |encoding| format!(", in {encoding}"));
        write!(f, "the layer contains the secret {} in /{}{encoding}", self.id, self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(exit: Exit, limit: Option<ReachedLimit>, expected: &str) {
        assert_eq!(status(&exit, limit.as_ref()), expected);
    }

    #[test]
    fn the_end_of_a_process_names_the_limit_that_was_reached() {
        check(Exit::Code(1), None, "exit code: 1");
        check(Exit::Signal(7), None, "exit code: 135 (signal 7)");
        let memory = ReachedLimit::Memory { bytes: 64 << 20 };
        check(Exit::Code(137), Some(memory), "exit code: 137: the memory limit of 64 MiB was reached");
        let pids = ReachedLimit::Pids { max: 50 };
        check(Exit::Code(2), Some(pids), "exit code: 2: the limit of 50 processes was reached");
    }
}
