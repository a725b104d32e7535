//! Why a process could not be started.
//!
//! The variants cross a process boundary: the init, which fails in another process than the one that reports, sends
//! them with [`crate::wire`].

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use crate::wire::{Reader, Wire};

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
    /// What was asked for makes no sense: an unknown capability, a NUL in an argument, ...
    #[error("invalid {what}: {value:?}")]
    Invalid {
        /// What kind of thing.
        what: Cow<'static, str>,
        /// As given.
        value: String,
    },
    /// This machine does not give what is needed; the message says what to do.
    #[error("{what}: {hint}")]
    Unavailable {
        /// What is missing.
        what: String,
        /// What to do about it.
        hint: String,
    },
    /// A private network cannot be had; the reason says what to do.
    #[error("there is no private network: {reason}")]
    Network {
        /// Why not.
        reason: String,
    },
    /// The kernel refused. `action` is a verb phrase.
    #[error("cannot {action}")]
    Os {
        /// What was tried.
        action: Cow<'static, str>,
        /// Why not.
        source: io::Error,
    },
}

/// For `map_err`: the kernel refused to `action`.
pub(crate) fn os<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> SandboxError {
    move |error| SandboxError::Os { action: action.into(), source: error.into() }
}

/// For `map_err`: `target` could not be mounted.
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
            SandboxError::Os { action: "fork".into(), source: denied() },
        ] {
            let mut bytes = Vec::new();
            error.put(&mut bytes);
            let back = SandboxError::take(&mut Reader::new(&bytes)).expect("what was put can be taken");
            assert_eq!(format!("{back:?}"), format!("{error:?}"));
        }
    }
}
