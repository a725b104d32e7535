//! Asking the servers of a registry, and showing them who one is when they ask.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::{Digest, Document, Reference, media_type};
use serde::Deserialize;
use ureq::Body;
use ureq::http::Response;

use crate::auth::challenge::{self, Challenge};
use crate::auth::credentials::{self, Credential};
use crate::endpoint::{self, Endpoint, Role};
use crate::http::agents::Agents;
use crate::http::request::{self as http, Answer, Failure, Fetch, Http};
use crate::http::url::{Origin, Url, percent_encoded};
use crate::{Options, RawManifest, RegistryError};

/// The largest manifest or index that is taken; registries refuse larger ones.
const MANIFEST_LIMIT_BYTES: u64 = 4 << 20;

/// The largest answer of a token server.
const TOKEN_LIMIT_BYTES: u64 = 64 << 10;

/// What a client shares between its threads and the streams it has opened.
pub(crate) struct Inner {
    pub options: Options,
    pub http: Http,
    /// The `Authorization` that a server took, by server, repository and what it is for.
    authorizations: Mutex<HashMap<(Origin, String, Access), String>>,
}

/// What a client wants to do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    Pull,
    Push,
}

impl Access {
    /// The actions of a token's scope.
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        }
    }
}

/// What is asked for, and how errors name it.
pub(crate) struct Wanted<'a> {
    pub reference: &'a Reference,
    pub access: Access,
    /// Below the repository: `manifests/latest`.
    pub what: String,
    pub headers: Vec<(&'static str, String)>,
    /// `docker.io/library/x:latest`
    pub name: String,
}

impl Inner {
    pub fn new(options: Options) -> Self {
        let http = Http::new(Agents::new(options.patience, options.proxies.clone()));
        Self { options, http, authorizations: Mutex::default() }
    }

    /// Asks the servers of a registry in order until one has an answer that counts. Mirrors are not for pushing to.
    pub fn at_any<T>(
        &self,
        reference: &Reference,
        access: Access,
        mut ask: impl FnMut(&Endpoint) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let registry = &reference.registry;
        let endpoints = endpoint::of(&self.options, registry)
            .map_err(|reason| RegistryError::Unreachable { registry: registry.clone(), reason })?;
        let may_be_asked = |endpoint: &&Endpoint| access == Access::Pull || endpoint.role != Role::Mirror;
        let mut failure = None;
        for endpoint in endpoints.iter().filter(may_be_asked) {
            match ask(endpoint) {
                Ok(answer) => return Ok(answer),
                Err(error) if endpoint.role == Role::Guess => return Err(failure.unwrap_or(error)),
                // Where plain HTTP got an answer that makes no sense, TLS may get a better one.
                Err(error) => {
                    let is_final = !matches!(error, RegistryError::BadAnswer { .. });
                    if is_final && endpoint.role == Role::Registry {
                        return Err(error);
                    }
                    failure = Some(error);
                }
            }
        }
        Err(failure.expect("a registry has at least one server"))
    }

    /// Asks one server for a manifest or index.
    pub fn manifest(&self, endpoint: &Endpoint, reference: &Reference) -> Result<RawManifest, RegistryError> {
        let which = match (&reference.digest, &reference.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.clone().unwrap_or_else(|| "latest".to_owned()),
        };
        let wanted = Wanted {
            reference,
            access: Access::Pull,
            what: format!("manifests/{which}"),
            headers: vec![("accept", accepted_types())],
            name: reference.to_string(),
        };
        let (announced, sent_digest, bytes) = self.persist(endpoint, &wanted, || {
            let response = self.get(endpoint, &wanted)?;
            let announced = http::header(response.headers(), "content-type").map(essence);
            let sent_digest = http::header(response.headers(), "docker-content-digest").map(str::to_owned);
            Ok((announced, sent_digest, http::read(response, MANIFEST_LIMIT_BYTES)?))
        })?;
        checked(reference, announced.as_deref(), sent_digest.as_deref(), bytes).map_err(|reason| {
            RegistryError::BadAnswer { registry: endpoint.login.clone(), name: wanted.name.clone(), reason }
        })
    }

    /// Repeats `ask` while it may help; gives the failure its name.
    pub fn persist<T>(
        &self,
        endpoint: &Endpoint,
        wanted: &Wanted<'_>,
        mut ask: impl FnMut() -> Result<T, Stop>,
    ) -> Result<T, RegistryError> {
        let mut stopped = None;
        let result = self.http.persist(|| match ask() {
            Ok(answer) => Ok(Some(answer)),
            Err(Stop::Failed(failure)) => Err(failure),
            Err(Stop::Final(error)) => {
                stopped = Some(error);
                Ok(None)
            }
        });
        let (registry, name) = (endpoint.login.clone(), wanted.name.clone());
        match (result, stopped) {
            (_, Some(error)) => Err(error),
            (Ok(Some(answer)), None) => Ok(answer),
            (Ok(None), None) => unreachable!("an attempt without an answer leaves an error"),
            (Err(Failure::Transient { reason, .. } | Failure::Fatal { reason }), None) => {
                Err(RegistryError::Unreachable { registry, reason })
            }
            (Err(Failure::Bad { reason }), None) => Err(RegistryError::BadAnswer { registry, name, reason }),
        }
    }

    /// Asks once for the content; an answer of 2xx comes back, all else is an error.
    pub fn get(&self, endpoint: &Endpoint, wanted: &Wanted<'_>) -> Result<Response<Body>, Stop> {
        self.fetch(Fetch::Get, endpoint, wanted)
    }

    /// Asks once; an answer of 2xx comes back, all else is an error.
    pub fn fetch(
        &self,
        fetch: Fetch,
        endpoint: &Endpoint,
        wanted: &Wanted<'_>,
    ) -> Result<Response<Body>, Stop> {
        let url = endpoint.url(&wanted.reference.repository, &wanted.what);
        let answer = self.authorized(endpoint, wanted, |authorization| {
            Ok(self.http.fetch(fetch, &url, &wanted.headers, authorization)?)
        })?;
        judged(endpoint, wanted, answer)
    }

    /// Sends a request to a server; once more, showing who one is, if the server asks.
    pub fn authorized(
        &self,
        endpoint: &Endpoint,
        wanted: &Wanted<'_>,
        mut send: impl FnMut(Option<&str>) -> Result<Answer, Stop>,
    ) -> Result<Answer, Stop> {
        let key = (endpoint.origin.clone(), wanted.reference.repository.clone(), wanted.access);
        let known = self.authorizations().get(&key).cloned();
        let mut answer = send(known.as_deref())?;
        if answer.response.status() == 401 && answer.from_origin {
            let challenges = challenges(&answer.response);
            // Read to its end, so that the connection can be used again.
            http::describe(answer.response);
            let authorization = self.authorize(endpoint, wanted, &challenges)?;
            answer = send(Some(&authorization))?;
            if answer.response.status() != 401 {
                self.authorizations().insert(key, authorization);
            }
        }
        Ok(answer)
    }

    fn authorizations(&self) -> std::sync::MutexGuard<'_, HashMap<(Origin, String, Access), String>> {
        self.authorizations.lock().expect("no one panics while holding the lock")
    }

    /// What to answer to challenges.
    fn authorize(
        &self,
        endpoint: &Endpoint,
        wanted: &Wanted<'_>,
        challenges: &[Challenge],
    ) -> Result<String, Stop> {
        let credential = self.credential(endpoint, &wanted.reference.repository)?;
        let denied = || Stop::Final(denied(endpoint, wanted, 401));
        if let Some(Credential::Bearer(token)) = &credential {
            return Ok(format!("Bearer {token}"));
        }
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service)),
            Challenge::Basic => None,
        });
        match (bearer, &credential) {
            (Some((realm, service)), _) => {
                let realm = token_url(endpoint, realm).map_err(Stop::Failed)?;
                let (repository, actions) = (&wanted.reference.repository, wanted.access.actions());
                let scope = format!("repository:{}{repository}:{actions}", endpoint.prefix);
                let token = self.token(&realm, service.as_deref(), &scope, credential.as_ref())?;
                token.map(|token| format!("Bearer {token}")).ok_or_else(denied)
            }
            (None, Some(Credential::Basic { user, password })) if challenges.contains(&Challenge::Basic) => {
                Ok(basic(user, password))
            }
            _ => Err(denied()),
        }
    }

    fn credential(&self, endpoint: &Endpoint, repository: &str) -> Result<Option<Credential>, Stop> {
        let Options { credential_files, helper_folders, .. } = &self.options;
        let path = format!("{}{repository}", endpoint.prefix);
        credentials::find(credential_files, helper_folders, &endpoint.login, &path).map_err(|reason| {
            Stop::Final(RegistryError::Credentials { registry: endpoint.login.clone(), reason })
        })
    }

    /// Gets a token; `None` if the user may not have one.
    ///
    /// Source: distribution, `docs/spec/auth/token.md` and `oauth.md`.
    fn token(
        &self,
        realm: &Url,
        service: Option<&str>,
        scope: &str,
        credential: Option<&Credential>,
    ) -> Result<Option<String>, Stop> {
        let mut query = format!("scope={}", percent_encoded(scope));
        if let Some(service) = service {
            query.push_str(&format!("&service={}", percent_encoded(service)));
        }
        let response = if let Some(Credential::Identity(token)) = credential {
            let token = percent_encoded(token);
            let form = format!("grant_type=refresh_token&client_id=dsbuild&{query}&refresh_token={token}");
            self.http.post_form(realm, &form)?
        } else {
            let separator = if realm.path.contains('?') { '&' } else { '?' };
            let url = Url { path: format!("{}{separator}{query}", realm.path), ..realm.clone() };
            let authorization = credential.and_then(|credential| match credential {
                Credential::Basic { user, password } => Some(basic(user, password)),
                _ => None,
            });
            self.http.fetch(Fetch::Get, &url, &[], authorization.as_deref())?.response
        };
        match response.status().as_u16() {
            200..=299 => Ok(Some(read_token(response)?)),
            status if http::is_transient(status) => Err(http::transient(response).into()),
            400..=499 => Ok(None),
            _ => {
                Err(Failure::Bad { reason: format!("the token server: {}", http::describe(response)) }.into())
            }
        }
    }
}

/// Why an attempt gave no answer: for a reason that may pass, or for good.
pub(crate) enum Stop {
    Failed(Failure),
    Final(RegistryError),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn challenges(response: &Response<Body>) -> Vec<Challenge> {
    let headers = response.headers().get_all("www-authenticate");
    headers.iter().filter_map(|value| value.to_str().ok()).flat_map(challenge::parse).collect()
}

/// The token server that a registry names, if it may.
fn token_url(endpoint: &Endpoint, realm: &str) -> Result<Url, Failure> {
    match Url::parse(realm) {
        Some(url) if endpoint.origin.may_lead_to(&url.origin) => Ok(url),
        _ => Err(Failure::Bad { reason: format!("it sends for a token to {realm:?}") }),
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn read_token(response: Response<Body>) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Token {
        token: Option<String>,
        access_token: Option<String>,
    }
    let bad = |reason: String| Failure::Bad { reason: format!("the token server's answer: {reason}") };
    let bytes = http::read(response, TOKEN_LIMIT_BYTES)?;
    let answer: Token = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| bad("it has no token".to_owned()))?;
    if token.bytes().any(|b| !(b'!'..=b'~').contains(&b)) {
        return Err(bad("the token has characters that no token has".to_owned()));
    }
    Ok(token)
}

/// Turns what is no success into an error.
fn judged(endpoint: &Endpoint, wanted: &Wanted<'_>, answer: Answer) -> Result<Response<Body>, Stop> {
    let response = answer.response;
    match response.status().as_u16() {
        200..=299 => Ok(response),
        404 => Err(Stop::Final(RegistryError::NotFound { name: wanted.name.clone() })),
        status @ (401 | 403) => Err(Stop::Final(denied(endpoint, wanted, status))),
        status if http::is_transient(status) => Err(http::transient(response).into()),
        _ => Err(Failure::Bad { reason: http::describe(response) }.into()),
    }
}

pub(crate) fn denied(endpoint: &Endpoint, wanted: &Wanted<'_>, status: u16) -> RegistryError {
    RegistryError::Denied { name: wanted.name.clone(), registry: endpoint.login.clone(), status }
}

/// The types that we read.
fn accepted_types() -> String {
    [media_type::INDEX, media_type::MANIFEST, media_type::DOCKER_INDEX, media_type::DOCKER_MANIFEST]
        .join(", ")
}

/// A media type without its parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Checks what can be checked of a manifest without its parts. Its identity is the digest of its bytes.
fn checked(
    reference: &Reference,
    announced: Option<&str>,
    sent_digest: Option<&str>,
    bytes: Vec<u8>,
) -> Result<RawManifest, String> {
    let digest = Digest::of(&bytes);
    let sent = sent_digest.and_then(|text| text.parse::<Digest>().ok());
    if let Some(expected) = reference.digest.or(sent).filter(|expected| *expected != digest) {
        return Err(format!("{expected} was expected, but the content has {digest}"));
    }
    let document = Document::parse(announced, &bytes).map_err(|error| error.to_string())?;
    Ok(RawManifest { media_type: document.media_type().to_owned(), digest, bytes })
}
