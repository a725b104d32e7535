//! Errors of a sandbox: the process could not be started or watched.
//!
//! An error can come from another process than the one that reports it: the init sends its errors to the caller, encoded
//! by [`crate::wire`]. The system's error number survives that, other details do not.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use crate::wire::{Reader, Wire};

/// A failure to build a sandbox or to execute its program. A process that ran and failed is an [`crate::Exit`] instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// No file with the program's name exists.
    #[error("exec: {program:?}: executable file not found in $PATH")]
    NotFound {
        /// First argument of the process.
        program: String,
    },
    /// The program exists, but the kernel cannot execute it.
    #[error("exec: {program:?}: {source}")]
    NotExecutable {
        /// First argument of the process.
        program: String,
        /// Error of exec, such as `EACCES`; `ENOENT` if the interpreter of a script is missing.
        source: io::Error,
    },
    /// A mount failed, or the root file system does not allow it: `/proc` is a symlink, for example.
    #[error("cannot mount {}: {reason}", target.display())]
    Mount {
        /// Path of the mount point in the root file system.
        target: PathBuf,
        /// Cause, as a clause: "it is not a real directory in this image".
        reason: String,
    },
    /// A value of the spec is invalid: an unknown capability, a NUL byte in an argument.
    #[error("invalid {what}: {value:?}")]
    Invalid {
        /// Kind of the value, as a noun.
        what: Cow<'static, str>,
        /// The invalid value, as given.
        value: String,
    },
    /// This machine does not allow something that every sandbox needs.
    #[error("{what}: {hint}")]
    Unavailable {
        /// Description of what the machine does not allow, as a clause.
        what: String,
        /// Instruction for the user.
        hint: String,
    },
    /// A private network could not be connected.
    #[error("the private network is unavailable: {reason}")]
    Network {
        /// Cause, with an instruction for the user where there is one.
        reason: String,
    },
    /// A port of the host cannot be published.
    #[error("cannot publish {port}: {reason}")]
    Port {
        /// Address, port and protocol: `0.0.0.0:80/tcp`.
        port: String,
        /// Cause, with an instruction for the user where there is one.
        reason: String,
    },
    /// The sandbox that a process should join has ended.
    #[error("the sandbox has ended")]
    Ended,
    /// A system call failed.
    #[error("cannot {action}")]
    Os {
        /// Purpose of the call, as a verb phrase: "set the host name".
        action: Cow<'static, str>,
        /// Error of the call.
        source: io::Error,
    },
}

/// Returns a function for `map_err` that makes an error with the purpose `action`.
pub(crate) fn os<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> SandboxError {
    move |error| SandboxError::Os { action: action.into(), source: error.into() }
}

/// Returns a function for `map_err` that makes an error about the mount point `target`.
pub(crate) fn mount<E: Into<io::Error>>(target: impl Into<PathBuf>) -> impl FnOnce(E) -> SandboxError {
    move |error| SandboxError::Mount { target: target.into(), reason: error.into().to_string() }
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

impl Wire for SandboxError {
    fn put(&self, out: &mut Vec<u8>) {
        let (kind, first, second, code) = match self {
            Self::NotFound { program } => (0_u8, program.clone(), String::new(), 0),
            Self::NotExecutable { program, source } => (1, program.clone(), String::new(), errno(source)),
            Self::Mount { target, reason } => (2, target.to_string_lossy().into_owned(), reason.clone(), 0),
            Self::Invalid { what, value } => (3, what.to_string(), value.clone(), 0),
            Self::Unavailable { what, hint } => (4, what.clone(), hint.clone(), 0),
            Self::Network { reason } => (6, reason.clone(), String::new(), 0),
            Self::Port { port, reason } => (7, port.clone(), reason.clone(), 0),
            Self::Ended => (8, String::new(), String::new(), 0),
            Self::Os { action, source } => (5, action.to_string(), String::new(), errno(source)),
        };
        (kind, first, second).put(out);
        code.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        let (kind, first, second) = <(u8, String, String)>::take(input)?;
        let source = io::Error::from_raw_os_error(i32::take(input)?);
        Some(match kind {
            0 => Self::NotFound { program: first },
            1 => Self::NotExecutable { program: first, source },
            2 => Self::Mount { target: first.into(), reason: second },
            3 => Self::Invalid { what: first.into(), value: second },
            4 => Self::Unavailable { what: first, hint: second },
            5 => Self::Os { action: first.into(), source },
            6 => Self::Network { reason: first },
            7 => Self::Port { port: first, reason: second },
            8 => Self::Ended,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_survives_the_wire() {
        let denied = || io::Error::from_raw_os_error(libc::EACCES);
        for error in [
            SandboxError::NotFound { program: "x".into() },
            SandboxError::NotExecutable { program: "x".into(), source: denied() },
            SandboxError::Mount { target: "/proc".into(), reason: "a link".into() },
            SandboxError::Invalid { what: "capability".into(), value: "FLY".into() },
            SandboxError::Unavailable { what: "pasta".into(), hint: "install it".into() },
            SandboxError::Network { reason: "no pasta".into() },
            SandboxError::Port { port: "0.0.0.0:80/tcp".into(), reason: "in use".into() },
            SandboxError::Ended,
            SandboxError::Os { action: "fork".into(), source: denied() },
        ] {
            let mut bytes = Vec::new();
            error.put(&mut bytes);
            let back = SandboxError::take(&mut Reader::new(&bytes)).expect("an encoded error can be decoded");
            assert_eq!(format!("{back:?}"), format!("{error:?}"));
        }
    }
}
