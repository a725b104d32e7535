//! Logging in and out: a login is tried at its registry before it is kept.
//!
//! Source: OCI distribution specification 1.1, "Determining support" (`GET /v2/`, which asks for a login where one is needed).

use oci::Reference;

use crate::Client;
use crate::RegistryError;
use crate::auth::credential::{Credential, CredentialError};
use crate::auth::credential_files::Logins;
use crate::auth::login_file::LoginFile;
use crate::auth::{Access, Unauthorized, challenge};
use crate::client::{Inner, RepositoryRequest};
use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::http::failure::Failure;
use crate::http::redirect::{self, Fetch, Method, Rules};
use crate::http::response::{Answer, describe, is_transient, transient};
use crate::http::url::Url;

pub use crate::auth::login_file::KeptIn;

/// User and password of a registry. The password can be a token that the registry takes in its place.
#[derive(Clone)]
pub struct Login {
    /// Name of the user.
    pub user: String,
    /// Password of the user, never printed.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Client {
    /// Tries a login at `registry` (`host[:port]`) and keeps it in [`crate::Options::login_file`] if it is accepted.
    pub fn log_in(&self, registry: &str, login: &Login) -> Result<KeptIn, RegistryError> {
        let Login { user, password } = login.clone();
        self.inner.try_login(registry, &Credential::Basic { user, password })?;
        let kept = self.inner.login_file().keep(registry, &login.user, &login.password);
        kept.map_err(|error| unusable(registry, error))
    }

    /// Tries the login that the user has for `registry`. Returns whether there is one and the registry accepts it.
    pub fn has_valid_login(&self, registry: &str) -> Result<bool, RegistryError> {
        let Some(login) = self.inner.kept_login(registry)? else { return Ok(false) };
        match self.inner.try_login(registry, &login) {
            Err(RegistryError::BadLogin { .. }) => Ok(false),
            tried => tried.map(|()| true),
        }
    }

    /// Forgets the login for `registry` in [`crate::Options::login_file`]; returns whether there was one.
    pub fn log_out(&self, registry: &str) -> Result<bool, RegistryError> {
        self.inner.login_file().forget(registry).map_err(|error| unusable(registry, error))
    }

    /// Reports whether any of the user's files has a login for `registry`.
    pub fn has_login(&self, registry: &str) -> Result<bool, RegistryError> {
        Ok(self.inner.kept_login(registry)?.is_some())
    }
}

fn unusable(registry: &str, error: CredentialError) -> RegistryError {
    match error {
        CredentialError::Canceled => RegistryError::Canceled,
        CredentialError::Failed(reason) => {
            RegistryError::Credentials { registry: registry.to_owned(), reason }
        }
    }
}

impl Inner {
    fn login_file(&self) -> LoginFile<'_> {
        let crate::Options { login_file, helper_folders, cancel, .. } = &self.options;
        LoginFile { path: login_file, helper_folders, cancel }
    }

    fn kept_login(&self, registry: &str) -> Result<Option<Credential>, RegistryError> {
        let crate::Options { credential_files, helper_folders, cancel, .. } = &self.options;
        let logins = Logins { files: credential_files, helper_folders, cancel };
        logins.find(registry, "").map_err(|error| unusable(registry, error))
    }

    /// Asks `registry` whether it accepts a login.
    fn try_login(&self, registry: &str, login: &Credential) -> Result<(), RegistryError> {
        let (registry, repository) = (registry.to_owned(), String::new());
        let reference = Reference { registry, repository, tag: None, digest: None };
        let request = RepositoryRequest {
            access: Access::Pull,
            path: String::new(),
            headers: Vec::new(),
            name: "the login".to_owned(),
        };
        // Only the registry itself is asked: a login is not for its mirrors.
        self.at_any(&reference, Access::Push, |endpoint| {
            self.persist(endpoint, &request, |endpoint| self.attempt_login(endpoint, login))
        })
    }

    fn attempt_login(&self, endpoint: &Endpoint, login: &Credential) -> Result<(), AttemptError> {
        let agents = self.agents(endpoint);
        let url = Url { origin: endpoint.origin.clone(), path: "/v2/".to_owned() };
        let send = |authorization: Option<&str>| -> Result<Answer, Failure> {
            let fetch = Fetch { method: Method::Get, url: &url, headers: &[], authorization };
            redirect::follow(&agents, &fetch, Rules::REGISTRY)
        };
        let first = self.schemes.confirm(endpoint, send(None)?)?;
        if first.response.status() != 401 || !first.from_origin {
            return judge(endpoint, first);
        }
        let challenges = challenge::of(&first.response);
        let said = describe(first.response);
        let origin = &endpoint.origin;
        let unauthorized = Unauthorized { agents: &agents, origin, scope: "", credential: Some(login) };
        match unauthorized.answer(&challenges)? {
            Some(authorization) => judge(endpoint, send(Some(&authorization))?),
            None => Err(refused(endpoint, said)),
        }
    }
}

/// Turns every answer but a success into an error.
fn judge(endpoint: &Endpoint, answer: Answer) -> Result<(), AttemptError> {
    match answer.response.status().as_u16() {
        200..=299 => Ok(()),
        401 | 403 => Err(refused(endpoint, describe(answer.response))),
        status if is_transient(status) => Err(transient(answer.response).into()),
        _ => Err(Failure::bad(describe(answer.response)).into()),
    }
}

fn refused(endpoint: &Endpoint, reason: String) -> AttemptError {
    AttemptError::Final(RegistryError::BadLogin { registry: endpoint.name.clone(), reason })
}
