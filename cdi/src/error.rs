//! Errors of requests for devices.

use std::path::PathBuf;

/// A requested device is unavailable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CdiError {
    /// The request is not the name of a device.
    #[error("invalid device {name:?}: {reason}")]
    Name {
        /// The request, as written.
        name: String,
        /// Rule that the request breaks, as a sentence.
        reason: &'static str,
    },
    /// No spec file describes the device.
    #[error("required device {name:?} is not registered{}", listed(.problems))]
    Missing {
        /// The request, as written.
        name: String,
        /// Files and devices that were left out, with reasons: the device may be among them.
        problems: Vec<String>,
    },
    /// The device's spec requires a change to the container that is not supported.
    #[error("device {device} ({}) needs {what}, which dsbuild does not do", file.display())]
    Unsupported {
        /// Full name of the device.
        device: String,
        /// Spec file that describes the device.
        file: PathBuf,
        /// The unsupported change, as a noun phrase.
        what: String,
    },
    /// The device's spec requires a file of this machine that is missing or not as described.
    #[error("device {device} ({}) needs {}: {reason}", file.display(), path.display())]
    Host {
        /// Full name of the device.
        device: String,
        /// Spec file that describes the device.
        file: PathBuf,
        /// Path of the required file.
        path: PathBuf,
        /// Cause, as a clause.
        reason: String,
    },
    /// The attributes of a mount could not be set.
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
}

fn listed(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("; left out: {problem}")).collect()
}
