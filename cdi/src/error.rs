//! Why a device cannot be had.

use std::path::PathBuf;

/// A device that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CdiError {
    /// No name of a device.
    #[error("invalid device {name:?}: {reason}")]
    Name {
        /// As asked for.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No file describes it.
    #[error("required device {name:?} is not registered{}", listed(.problems))]
    Missing {
        /// As asked for.
        name: String,
        /// Files that were not understood: it may be in one of them.
        problems: Vec<String>,
    },
    /// It needs something that is not done here.
    #[error("device {device} ({}) needs {what}, which dsbuild does not do", file.display())]
    Unsupported {
        /// Its name.
        device: String,
        /// The file that describes it.
        file: PathBuf,
        /// What it needs.
        what: String,
    },
    /// The file describes something that this machine has not, or not so.
    #[error("device {device} ({}) needs {}: {reason}", file.display(), path.display())]
    Host {
        /// Its name.
        device: String,
        /// The file that describes it.
        file: PathBuf,
        /// What of this machine.
        path: PathBuf,
        /// What is wrong with that.
        reason: String,
    },
    /// A mount cannot be made as it should be.
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
}

fn listed(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("; left out: {problem}")).collect()
}
