//! Authentication: how a registry's 401 is answered, by a login or by a token.
//!
//! ```text
//! challenge     the `WWW-Authenticate` header: how the server wants to be answered
//! token         access tokens, from the token server that a challenge names
//! credential    the user's secrets: from credential_files (docker's and podman's) and by credential_helper (programs)
//! login_file    a file of logins that gets one more, or loses one
//! ```
//!
//! Invariants: credentials are for one registry, and are shown to it, or to the token server that it names, only after it
//! has asked. A token server is asked by the rules for redirects: TLS never leads to plain HTTP, nor the public internet
//! to a private network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::http::agents::Agents;
use crate::http::failure::Failure;
use crate::http::url::{Origin, Url};

pub(crate) mod challenge;
pub(crate) mod credential;
pub(crate) mod credential_files;
pub(crate) mod credential_helper;
pub(crate) mod login_file;
pub(crate) mod token;

use challenge::Challenge;
use credential::Credential;

/// Access that a request needs to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Pull,
    Push,
}

impl Access {
    /// Returns the token scope for this access to a repository.
    ///
    /// Source: distribution, "Token Scope Documentation".
    pub fn scope(self, repository: &str) -> String {
        let actions = match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        };
        format!("repository:{repository}:{actions}")
    }
}

/// A request that a server has answered with 401.
pub(crate) struct Unauthorized<'a> {
    pub agents: &'a Agents,
    pub origin: &'a Origin,
    /// Scope that a token needs for the request; see [`Access::scope`].
    pub scope: &'a str,
    /// The user's login for the registry, if there is one.
    pub credential: Option<&'a Credential>,
}

impl Unauthorized<'_> {
    /// Returns the value of `Authorization` that answers the challenges, or `None` if access is denied.
    pub fn answer(&self, challenges: &[Challenge]) -> Result<Option<String>, Failure> {
        if let Some(Credential::Bearer(token)) = self.credential {
            return Ok(Some(format!("Bearer {token}")));
        }
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer(bearer) => Some(bearer),
            Challenge::Basic => None,
        });
        match (bearer, self.credential) {
            (Some(bearer), _) => {
                let realm = self.realm(&bearer.realm)?;
                let token = token::fetch(self.agents, &realm, bearer, self.scope, self.credential)?;
                Ok(token.map(|token| format!("Bearer {token}")))
            }
            (None, Some(Credential::Basic { user, password })) if challenges.contains(&Challenge::Basic) => {
                Ok(Some(basic(user, password)))
            }
            _ => Ok(None),
        }
    }

    /// Returns the URL of the token server, if the registry can lead there.
    fn realm(&self, realm: &str) -> Result<Url, Failure> {
        match Url::parse(realm) {
            Some(url) if self.origin.may_lead_to(&url.origin) => Ok(url),
            _ => Err(Failure::bad(format!("it sends for a token to {realm:?}"))),
        }
    }
}

/// Returns the value of `Authorization` for a user and a password.
fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
