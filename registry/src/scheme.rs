//! The scheme that a server speaks, where two are allowed: on this machine, and for registries the user calls insecure.
//!
//! The first request finds it out: if one scheme brings no HTTP answer, the same request is made by the other. The
//! scheme that works is remembered, so that a server is asked by the wrong one once at most. No credentials are at stake:
//! they are shown only to a server that has asked for them, and has answered by then.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::http::failure::Failure;
use crate::http::response::Answer;
use crate::http::url::Scheme;

/// Schemes that servers have been found to speak, by the name of the endpoint. Shared between threads.
#[derive(Debug, Default)]
pub(crate) struct KnownSchemes(Mutex<HashMap<String, Scheme>>);

impl KnownSchemes {
    /// Makes a request by the scheme that the server speaks, or by both while that is unknown.
    pub fn ask<T>(
        &self,
        endpoint: &Endpoint,
        mut ask: impl FnMut(&Endpoint) -> Result<T, AttemptError>,
    ) -> Result<T, AttemptError> {
        let Some(other) = endpoint.by_other_scheme() else { return ask(endpoint) };
        let known = self.known().get(&endpoint.name).copied();
        match known {
            Some(scheme) if scheme == endpoint.origin.scheme => return ask(endpoint),
            Some(_) => return ask(&other),
            None => {}
        }
        let first = match ask(endpoint) {
            Err(AttemptError::Failure(failure)) if suggests(&failure, endpoint, &other) => failure,
            answered => return answered,
        };
        match ask(&other) {
            Err(AttemptError::Failure(second)) if second != Failure::Canceled && !is_http(&second) => {
                if first == Failure::WrongScheme {
                    // It does not speak TLS, so that it meant its answer to plain HTTP as it was.
                    self.remember(endpoint);
                    return ask(endpoint);
                }
                let is_second = second.is_temporary() && !first.is_temporary();
                Err(if is_second { second } else { first }.into())
            }
            answered => answered,
        }
    }

    /// Remembers that a server has answered by this scheme.
    ///
    /// Fails if the answer is how servers with TLS answer plain HTTP: status 400. Whether it means that is known once TLS
    /// has been tried.
    pub fn confirm(&self, endpoint: &Endpoint, answer: Answer) -> Result<Answer, Failure> {
        if endpoint.alternative.is_none() || self.known().contains_key(&endpoint.name) {
            return Ok(answer);
        }
        if endpoint.origin.scheme == Scheme::Http && answer.response.status() == 400 {
            return Err(Failure::WrongScheme);
        }
        self.remember(endpoint);
        Ok(answer)
    }

    fn remember(&self, endpoint: &Endpoint) {
        self.known().insert(endpoint.name.clone(), endpoint.origin.scheme);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Scheme>> {
        self.0.lock().expect("no one panics while holding the lock")
    }
}

/// Reports whether the other scheme can work where this one failed.
fn suggests(failure: &Failure, endpoint: &Endpoint, other: &Endpoint) -> bool {
    match failure {
        Failure::NoAnswer { .. } | Failure::Silence | Failure::NotHttp { .. } | Failure::WrongScheme => true,
        // Nobody listens: on the same port that holds for the other scheme, too.
        Failure::NoConnection { .. } => endpoint.origin.port != other.origin.port,
        _ => false,
    }
}

/// Reports whether the server spoke HTTP, although the request failed.
fn is_http(failure: &Failure) -> bool {
    matches!(failure, Failure::Transient { .. } | Failure::Bad { .. })
}
