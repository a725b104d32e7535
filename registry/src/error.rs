//! What can go wrong with a registry.

/// A registry that does not give what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// No such image.
    #[error("{name}: not found")]
    NotFound {
        /// What was asked for.
        name: String,
    },
    /// Not allowed.
    #[error(
        "{name}: {registry} refuses access ({status}): there is no such repository, or it needs `docker login {registry}`"
    )]
    Denied {
        /// What was asked for.
        name: String,
        /// Who refused.
        registry: String,
        /// The HTTP status.
        status: u16,
    },
    /// It cannot be reached.
    #[error("cannot reach {registry}: {reason}")]
    Unreachable {
        /// Who.
        registry: String,
        /// Why not.
        reason: String,
    },
    /// It answered with something that it must not.
    #[error("{registry} sent a bad answer for {name}: {reason}")]
    BadAnswer {
        /// Who.
        registry: String,
        /// For what.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It does not take what is pushed.
    #[error("{registry} does not take {name}: {reason}")]
    Refused {
        /// Who.
        registry: String,
        /// What.
        name: String,
        /// What it says.
        reason: String,
    },
    /// What is to be pushed cannot be read here.
    #[error("cannot read {name} to push it: {reason}")]
    Source {
        /// What.
        name: String,
        /// Why not.
        reason: String,
    },
    /// The user's logins cannot be read.
    #[error("cannot get the login for {registry}: {reason}")]
    Credentials {
        /// For whom.
        registry: String,
        /// Why not.
        reason: String,
    },
}
