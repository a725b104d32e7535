//! Credentials: the secrets that authenticate the user to a registry.

use crate::cancel::Canceled;

/// Secret that authenticates the user to a registry.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// User and password, for the registry or its token server.
    Basic { user: String, password: String },
    /// Refresh token, to be exchanged for access tokens.
    Identity(String),
    /// Access token, to be sent as it is.
    Bearer(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(secret)")
    }
}

/// Reason why the user's credentials could not be looked up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    /// The caller canceled the request.
    #[error("canceled")]
    Canceled,
    /// A file or a helper cannot be used; the text names it.
    #[error("{0}")]
    Failed(String),
}

impl From<Canceled> for CredentialError {
    fn from(Canceled: Canceled) -> Self {
        Self::Canceled
    }
}
