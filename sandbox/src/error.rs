//! Why a process could not be started.

use std::io;
use std::path::PathBuf;

/// A sandbox that could not be built. A process that ran and failed is no error but an [`crate::Exit`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The program is not there.
    #[error("exec: {program:?}: executable file not found in $PATH")]
    NotFound {
        /// As asked for.
        program: String,
    },
    /// The program cannot be executed.
    #[error("exec: {program:?}: {source}")]
    NotExecutable {
        /// As asked for.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// The root file system is not usable: a `/proc` that is a link, a mount target outside, ...
    #[error("cannot mount {}: {reason}", target.display())]
    Mount {
        /// Where, in the root file system.
        target: PathBuf,
        /// Why not.
        reason: String,
    },
    /// This machine does not give what is needed; the message says what to do.
    #[error("{what}: {hint}")]
    Unavailable {
        /// What is missing.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// The kernel refused. `action` is a verb phrase.
    #[error("cannot {action}")]
    Os {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}
