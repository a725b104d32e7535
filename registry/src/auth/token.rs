//! Access tokens from a token server.
//!
//! Two scopes are asked for in one request: the one that the request at hand needs, and the one that the challenge names,
//! which can be another (a registry that keeps an image under another name). Some registries name a placeholder there and
//! refuse it; then a token for the first scope alone is asked for.
//!
//! Source: distribution, "Token Authentication Specification" and "OAuth2 Token Authentication".

use serde::Deserialize;
use ureq::Body;
use ureq::http::Response;

use super::basic;
use super::challenge::BearerChallenge;
use super::credential::Credential;
use crate::http::agents::Agents;
use crate::http::failure::Failure;
use crate::http::redirect::{self, Fetch, Method, Rules};
use crate::http::response::{self, describe, is_transient, transient};
use crate::http::upload::post_form;
use crate::http::url::{Url, percent_encoded};

/// Largest answer of a token server.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// Fetches a token for `scope` and the scopes of the challenge; `None` if the token server denies it. An empty scope asks only
/// whether the server accepts the credential.
pub(crate) fn fetch(
    agents: &Agents,
    realm: &Url,
    challenge: &BearerChallenge,
    scope: &str,
    credential: Option<&Credential>,
) -> Result<Option<String>, Failure> {
    let request = TokenRequest { agents, realm, service: challenge.service.as_deref(), credential };
    let theirs = challenge.scope.as_deref().unwrap_or_default();
    let more: Vec<&str> = theirs.split(' ').filter(|more| !more.is_empty() && *more != scope).collect();
    if !more.is_empty() {
        let all: Vec<&str> = Some(scope).filter(|scope| !scope.is_empty()).into_iter().chain(more).collect();
        if let Some(token) = request.token(&all)? {
            return Ok(Some(token));
        }
    }
    let own: Vec<&str> = Some(scope).filter(|scope| !scope.is_empty()).into_iter().collect();
    request.token(&own)
}

/// A token server, and how it is asked.
struct TokenRequest<'a> {
    agents: &'a Agents,
    realm: &'a Url,
    service: Option<&'a str>,
    credential: Option<&'a Credential>,
}

impl TokenRequest<'_> {
    /// Asks for a token; `None` if the server denies it.
    fn token(&self, scopes: &[&str]) -> Result<Option<String>, Failure> {
        let response = match self.credential {
            Some(Credential::Identity(refresh)) => self.post(scopes, refresh)?,
            credential => self.get(scopes, credential)?,
        };
        match response.status().as_u16() {
            200..=299 => Ok(Some(self.read(response)?)),
            status if is_transient(status) => Err(transient(response)),
            400..=499 => Ok(None),
            _ => Err(Failure::bad(format!("the token server: {}", describe(response)))),
        }
    }

    /// Exchanges a refresh token, which takes the scopes as one field.
    fn post(&self, scopes: &[&str], refresh: &str) -> Result<Response<Body>, Failure> {
        let mut form = "grant_type=refresh_token&client_id=dsbuild".to_owned();
        let scope = scopes.join(" ");
        let service = self.service.map(|service| ("service", service));
        let scope = Some(("scope", scope.as_str())).filter(|_| !scopes.is_empty());
        for (name, value) in scope.into_iter().chain(service) {
            form.push_str(&format!("&{name}={}", percent_encoded(value)));
        }
        form.push_str(&format!("&refresh_token={}", percent_encoded(refresh)));
        post_form(self.agents, self.realm, &form)
    }

    /// Asks with user and password, or anonymously; each scope is a field of its own.
    fn get(&self, scopes: &[&str], credential: Option<&Credential>) -> Result<Response<Body>, Failure> {
        let mut path = self.realm.path.clone();
        let service = self.service.map(|service| ("service", service));
        for (name, value) in scopes.iter().map(|scope| ("scope", *scope)).chain(service) {
            let separator = if path.contains('?') { '&' } else { '?' };
            path.push_str(&format!("{separator}{name}={}", percent_encoded(value)));
        }
        let authorization = match credential {
            Some(Credential::Basic { user, password }) => Some(basic(user, password)),
            _ => None,
        };
        let url = Url { path, ..self.realm.clone() };
        let authorization = authorization.as_deref();
        let fetch = Fetch { method: Method::Get, url: &url, headers: &[], authorization };
        Ok(redirect::follow(self.agents, &fetch, Rules::REGISTRY)?.response)
    }

    fn read(&self, response: Response<Body>) -> Result<String, Failure> {
        let bytes = response::read(response, MAX_ANSWER_BYTES, &self.agents.patience)?;
        parse(&bytes).map_err(|reason| Failure::bad(format!("the token server's answer: {reason}")))
    }
}

fn parse(bytes: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Token {
        token: Option<String>,
        access_token: Option<String>,
    }
    let answer: Token = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
    let token = token.ok_or("it has no token")?;
    if token.bytes().any(|b| !(b'!'..=b'~').contains(&b)) {
        return Err("the token has characters that no token has".to_owned());
    }
    Ok(token)
}
