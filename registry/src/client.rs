//! Requests to registries: the order of servers, retries, authentication, and the names in errors.
//!
//! A request goes through three layers: [`Inner::at_any`] asks the servers of a registry in order, [`Inner::persist`]
//! tries each again while that can help, and [`Inner::authorized`] makes one attempt and answers a 401.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use oci::Reference;
use ureq::Body;
use ureq::http::Response;

use crate::auth::challenge::{self, Challenge};
use crate::auth::credential::{Credential, CredentialError};
use crate::auth::credential_files::Logins;
use crate::auth::{Access, Unauthorized};
use crate::endpoint::{self, Endpoint, EndpointError, Role};
use crate::error::AttemptError;
use crate::http::agents::Agents;
use crate::http::failure::Failure;
use crate::http::redirect::{self, Fetch, Method, Rules};
use crate::http::response::{Answer, describe, is_transient, transient};
use crate::http::retry;
use crate::http::trust::{SystemTrust, Trust, TrustOptions};
use crate::http::url::{Origin, Scheme};
use crate::registries_conf::RegistriesConf;
use crate::scheme::KnownSchemes;
use crate::{Options, Patience, RegistryError};

/// State that a client shares between its threads and the streams it has opened.
pub(crate) struct Inner {
    pub options: Options,
    system: Arc<SystemTrust>,
    /// Agents by the name of the endpoint: each registry has certificates of its own.
    agents: Mutex<HashMap<String, Arc<Agents>>>,
    /// Values of `Authorization` that a server has accepted, by server, repository and access.
    authorizations: Mutex<HashMap<(Origin, String, Access), String>>,
    pub schemes: KnownSchemes,
    conf: OnceLock<Result<RegistriesConf, String>>,
}

/// A request for something in a repository, and how errors name it.
pub(crate) struct RepositoryRequest {
    pub access: Access,
    /// Path below the repository, such as `manifests/latest`.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    /// Image or blob in errors, such as `docker.io/library/x:latest`.
    pub name: String,
}

impl Inner {
    /// State of a new client; nothing is read or connected to before it is needed.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            system: Arc::default(),
            agents: Mutex::default(),
            authorizations: Mutex::default(),
            schemes: KnownSchemes::default(),
            conf: OnceLock::new(),
        }
    }

    /// Returns agents for files by HTTP, which belong to no registry.
    pub fn web_agents(&self) -> Agents {
        self.new_agents(TrustOptions::default())
    }

    fn new_agents(&self, trust: TrustOptions) -> Agents {
        let Options { patience, cancel, proxies, .. } = &self.options;
        let trust = Trust::new(Arc::clone(&self.system), trust);
        Agents::new(*patience, cancel.clone(), proxies.clone(), Arc::new(trust))
    }

    /// Returns the agents that ask an endpoint, and the servers it leads to.
    pub fn agents(&self, endpoint: &Endpoint) -> Arc<Agents> {
        let new = || {
            let insecure = self.options.insecure.iter();
            let mut unverified: Vec<Origin> =
                insecure.filter_map(|name| Origin::new(Scheme::Https, name)).collect();
            let own = endpoint.tls_origin().cloned();
            // A server that plain HTTP can be spoken to gains nothing from verification.
            let is_exempt = |origin: &Origin| origin.is_loopback() || endpoint.alternative.is_some();
            unverified.extend(own.clone().filter(is_exempt));
            Arc::new(self.new_agents(TrustOptions {
                registry: Some(endpoint.name.clone()),
                origin: own,
                directories: self.options.certificate_folders.clone(),
                unverified,
            }))
        };
        Arc::clone(locked(&self.agents).entry(endpoint.name.clone()).or_insert_with(new))
    }

    /// Asks the servers of a registry in order until one has an answer that counts. Nothing is pushed to a mirror.
    pub fn at_any<T>(
        &self,
        reference: &Reference,
        access: Access,
        mut ask: impl FnMut(&Endpoint) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let registry = reference.registry.clone();
        let endpoints = endpoint::of(&self.options, self.conf()?, reference, access);
        let endpoints = endpoints.map_err(|error| match error {
            EndpointError::Blocked => RegistryError::Blocked { registry },
            EndpointError::Invalid(reason) => RegistryError::Unreachable { registry, reason },
        })?;
        let (last, mirrors) = endpoints.split_last().expect("the registry itself is always there");
        for mirror in mirrors {
            match ask(mirror) {
                Ok(answer) => return Ok(answer),
                Err(RegistryError::Canceled) => return Err(RegistryError::Canceled),
                Err(_) => {}
            }
        }
        ask(last)
    }

    /// Returns the settings of `registries.conf`, read for the first request.
    fn conf(&self) -> Result<&RegistriesConf, RegistryError> {
        let conf = self.conf.get_or_init(|| RegistriesConf::read(&self.options.registries_files));
        conf.as_ref().map_err(|reason| RegistryError::Configuration { reason: reason.clone() })
    }

    /// Repeats `ask` while that can help, by the scheme that the server speaks, and names the failure.
    pub fn persist<T>(
        &self,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
        ask: impl FnMut(&Endpoint) -> Result<T, AttemptError>,
    ) -> Result<T, RegistryError> {
        let patience = match endpoint.role {
            Role::Registry => self.options.patience,
            Role::Mirror => self.options.patience.for_optional_server(),
        };
        self.persist_for(patience, endpoint, request, ask)
    }

    /// Does the same with other limits than those of the options.
    pub fn persist_for<T>(
        &self,
        patience: Patience,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
        mut ask: impl FnMut(&Endpoint) -> Result<T, AttemptError>,
    ) -> Result<T, RegistryError> {
        let attempt = || match self.schemes.ask(endpoint, &mut ask) {
            Ok(answer) => Ok(Ok(answer)),
            Err(AttemptError::Final(error)) => Ok(Err(error)),
            Err(AttemptError::Failure(failure)) => Err(failure),
        };
        match retry::persist(patience, &self.options.cancel, attempt) {
            Ok(result) => result,
            Err(failure) => Err(named(failure, endpoint, request)),
        }
    }

    /// Asks once for the content of something; any answer but 2xx is an error.
    pub fn get(
        &self,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
    ) -> Result<Response<Body>, AttemptError> {
        self.fetch(Method::Get, endpoint, request)
    }

    /// Asks once, without a body; any answer but 2xx is an error.
    pub fn fetch(
        &self,
        method: Method,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
    ) -> Result<Response<Body>, AttemptError> {
        let url = endpoint.url(&request.path);
        let agents = self.agents(endpoint);
        let answer = self.authorized(endpoint, request, |authorization| {
            let fetch = Fetch { method, url: &url, headers: &request.headers, authorization };
            Ok(redirect::follow(&agents, &fetch, Rules::REGISTRY)?)
        })?;
        succeeded(endpoint, request, answer.response)
    }

    /// Sends a request to a server; and once more with the user's login or a token, if the server asks for that.
    pub fn authorized(
        &self,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
        mut send: impl FnMut(Option<&str>) -> Result<Answer, AttemptError>,
    ) -> Result<Answer, AttemptError> {
        let key = (endpoint.origin.clone(), endpoint.repository.clone(), request.access);
        let known = locked(&self.authorizations).get(&key).cloned();
        let answer = self.schemes.confirm(endpoint, send(known.as_deref())?)?;
        if answer.response.status() != 401 || !answer.from_origin {
            return Ok(answer);
        }
        let challenges = challenge::of(&answer.response);
        // Reading the answer to its end lets the connection be used again.
        describe(answer.response);
        let authorization = self.authorize(endpoint, request, &challenges)?;
        let answer = send(Some(&authorization))?;
        if answer.response.status() != 401 {
            locked(&self.authorizations).insert(key, authorization);
        }
        Ok(answer)
    }

    /// Returns the value of `Authorization` that answers the challenges of a server.
    fn authorize(
        &self,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
        challenges: &[Challenge],
    ) -> Result<String, AttemptError> {
        let credential = self.credential(endpoint)?;
        let unauthorized = Unauthorized {
            agents: &self.agents(endpoint),
            origin: &endpoint.origin,
            scope: &request.access.scope(&endpoint.repository),
            credential: credential.as_ref(),
        };
        unauthorized.answer(challenges)?.ok_or_else(|| AttemptError::Final(denied(endpoint, request, 401)))
    }

    fn credential(&self, endpoint: &Endpoint) -> Result<Option<Credential>, AttemptError> {
        let Options { credential_files, helper_folders, cancel, .. } = &self.options;
        let logins = Logins { files: credential_files, helper_folders, cancel };
        logins.find(&endpoint.name, &endpoint.repository).map_err(|error| match error {
            CredentialError::Canceled => Failure::Canceled.into(),
            CredentialError::Failed(reason) => {
                AttemptError::Final(RegistryError::Credentials { registry: endpoint.name.clone(), reason })
            }
        })
    }
}

fn locked<K: Eq + Hash, V>(map: &Mutex<HashMap<K, V>>) -> MutexGuard<'_, HashMap<K, V>> {
    map.lock().expect("no one panics while holding the lock")
}

/// Turns a failure into the error that names the server and what it was asked for.
fn named(failure: Failure, endpoint: &Endpoint, request: &RepositoryRequest) -> RegistryError {
    let (registry, name) = (endpoint.name.clone(), request.name.clone());
    match failure {
        Failure::Canceled => RegistryError::Canceled,
        Failure::Bad { reason } | Failure::NotHttp { reason } => {
            RegistryError::BadAnswer { registry, name, reason }
        }
        failure => RegistryError::Unreachable { registry, reason: failure.to_string() },
    }
}

/// Turns every answer but a success into an error.
fn succeeded(
    endpoint: &Endpoint,
    request: &RepositoryRequest,
    response: Response<Body>,
) -> Result<Response<Body>, AttemptError> {
    match response.status().as_u16() {
        200..=299 => Ok(response),
        404 => Err(AttemptError::Final(RegistryError::NotFound { name: request.name.clone() })),
        status @ (401 | 403) => Err(AttemptError::Final(denied(endpoint, request, status))),
        status if is_transient(status) => Err(transient(response).into()),
        _ => Err(Failure::bad(describe(response)).into()),
    }
}

/// Returns the error for a server that refuses access with `status`.
pub(crate) fn denied(endpoint: &Endpoint, request: &RepositoryRequest, status: u16) -> RegistryError {
    RegistryError::Denied { name: request.name.clone(), registry: endpoint.name.clone(), status }
}
