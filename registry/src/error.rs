//! Errors of registries.

use crate::http::failure::Failure;

/// Situation in which a registry does not give, or take, what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The caller canceled the request.
    #[error("canceled")]
    Canceled,
    /// The registry has no such image or blob.
    #[error("{name}: not found")]
    NotFound {
        /// Image or blob that was asked for.
        name: String,
    },
    /// The registry refuses access. Many refuse in the same way what does not exist.
    #[error(
        "{name}: {registry} refuses access ({status}): there is no such repository, or it needs `dsbuild login {registry}`"
    )]
    Denied {
        /// Image or blob that was asked for.
        name: String,
        /// Server that refused, as `host[:port]`.
        registry: String,
        /// HTTP status, 401 or 403.
        status: u16,
    },
    /// The registry does not accept a user and a password.
    #[error("{registry} does not accept the login: {reason}")]
    BadLogin {
        /// Server that refused, as `host[:port]`.
        registry: String,
        /// Status and the registry's own words.
        reason: String,
    },
    /// The registry could not be reached, or stayed too busy or too slow to answer.
    #[error("cannot reach {registry}: {reason}")]
    Unreachable {
        /// Server that was asked, as `host[:port]`.
        registry: String,
        /// Cause, without the name of the server.
        reason: String,
    },
    /// The user's `registries.conf` blocks the registry.
    #[error("{registry} is blocked by registries.conf")]
    Blocked {
        /// Server that is not asked, as `host[:port]`.
        registry: String,
    },
    /// The user's `registries.conf` cannot be read or understood.
    #[error("cannot use the settings for registries: {reason}")]
    Configuration {
        /// Cause, with the file.
        reason: String,
    },
    /// The registry answered, but with something that it must not answer.
    #[error("{registry} sent a bad answer for {name}: {reason}")]
    BadAnswer {
        /// Server that was asked, as `host[:port]`.
        registry: String,
        /// Image or blob that was asked for.
        name: String,
        /// Flaw in the answer.
        reason: String,
    },
    /// The registry does not take an image or blob that was pushed.
    #[error("{registry} does not take {name}: {reason}")]
    Refused {
        /// Server that was asked, as `host[:port]`.
        registry: String,
        /// Image or blob that was pushed.
        name: String,
        /// Status and the registry's own words.
        reason: String,
    },
    /// A blob could not be read on this machine while it was being pushed.
    #[error("cannot read {name} to push it: {reason}")]
    Source {
        /// Blob that was pushed.
        name: String,
        /// Cause of the failed read.
        reason: String,
    },
    /// The user's logins could not be read or changed.
    #[error("cannot use the logins for {registry}: {reason}")]
    Credentials {
        /// Server that the login is for, as `host[:port]`.
        registry: String,
        /// Cause, with the file or the credential helper.
        reason: String,
    },
}

/// Reason why one attempt at a request failed.
#[derive(Debug)]
pub(crate) enum AttemptError {
    /// A failure of HTTP, which can pass or not.
    Failure(Failure),
    /// An answer that another attempt would not change.
    Final(RegistryError),
}

impl From<Failure> for AttemptError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
