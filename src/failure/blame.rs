//! The fault of each error type of the libraries, in one place.
//!
//! An error type converts into a [`Failure`](super::Failure) with `?` only if it is listed here, so that nobody forgets
//! to decide its exit code. A registry that refuses or cannot be reached is the same fault whether an image is pulled or
//! pushed.

use std::error::Error;
use std::io;

use export::ExportError;
use patterns::IgnoreError;
use pipeline::BuildError;
use runner::RunnerError;
use sources::FetchError;

use crate::exit::Fault;

/// Error with a known fault.
pub trait Blame: Error {
    /// Returns the fault that decides the exit code.
    fn fault(&self) -> Fault;

    /// Returns the way out, if the error knows one.
    fn hint(&self) -> Option<&str> {
        None
    }
}

/// Declares error types that always have the same fault.
macro_rules! always {
    ($fault:expr => $($error:ty),+ $(,)?) => {
        $(impl Blame for $error {
            fn fault(&self) -> Fault {
                $fault
            }
        })+
    };
}

always!(Fault::System => io::Error, rustix::io::Errno, nix::errno::Errno);
always!(Fault::System => rootfs::RootfsError, sandbox::SandboxError);
always!(Fault::System => compare::CompareError);
always!(Fault::Usage => oci::ReferenceError, oci::PlatformError, attest::AttestError);
always!(Fault::Input => bake::BakeError, compose::ComposeError, IgnoreError, registry::RegistryError);

impl Blame for cache::StoreError {
    fn fault(&self) -> Fault {
        Fault::System
    }

    fn hint(&self) -> Option<&str> {
        self.hint()
    }
}

impl Blame for sources::SourceError {
    fn fault(&self) -> Fault {
        Fault::Input
    }

    fn hint(&self) -> Option<&str> {
        self.hint()
    }
}

impl Blame for cli::UsageError {
    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<&str> {
        self.hint()
    }
}

impl Blame for listing::TemplateError {
    fn fault(&self) -> Fault {
        match self {
            Self::Invalid(_) => Fault::Usage,
            Self::NotApplicable(_) => Fault::Input,
        }
    }

    fn hint(&self) -> Option<&str> {
        self.hint()
    }
}

impl Blame for ExportError {
    fn fault(&self) -> Fault {
        match self {
            Self::Request { .. } | Self::Unsupported { .. } => Fault::Usage,
            Self::Registry(_) | Self::Base { .. } | Self::NoDirectory { .. } => Fault::Input,
            Self::Canceled => Fault::canceled(),
            _ => Fault::System,
        }
    }
}

impl Blame for images::ImageError {
    fn fault(&self) -> Fault {
        match self {
            Self::Store(_) | Self::Io { .. } => Fault::System,
            _ => Fault::Input,
        }
    }
}

impl Blame for FetchError {
    fn fault(&self) -> Fault {
        match self {
            Self::Canceled => Fault::canceled(),
            Self::Store(_) | Self::Rootfs(_) => Fault::System,
            _ => Fault::Input,
        }
    }
}

impl Blame for BuildError {
    fn fault(&self) -> Fault {
        match self {
            Self::Canceled => Fault::canceled(),
            Self::Store(_) | Self::Layers(_) | Self::Packages { .. } => Fault::System,
            Self::Fetch(error) => error.fault(),
            Self::Step { cause, .. } if super::step::is_system(cause) => Fault::System,
            _ => Fault::Input,
        }
    }
}

impl Blame for RunnerError {
    fn fault(&self) -> Fault {
        match self {
            Self::BadName { .. } | Self::BadVolume { .. } => Fault::Usage,
            Self::Rootfs(_) | Self::Tree(_) | Self::Sandbox(_) | Self::Store(_) | Self::Io { .. } => {
                Fault::System
            }
            _ => Fault::Input,
        }
    }

    fn hint(&self) -> Option<&str> {
        self.hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_fails_is_the_same_fault_for_pull_and_push() {
        let unreachable = || registry::RegistryError::Unreachable {
            registry: "reg.example".to_owned(),
            reason: "refused".to_owned(),
        };
        assert_eq!(unreachable().fault(), Fault::Input);
        assert_eq!(ExportError::Registry(unreachable()).fault(), Fault::Input);
    }

    #[test]
    fn a_full_disk_is_not_the_fault_of_the_user() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = ExportError::Io { action: "write", path: "out.tar".into(), source: full };
        assert_eq!(error.fault(), Fault::System);
    }
}
