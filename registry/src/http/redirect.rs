//! Redirects: the one place where they are followed, for registries and for files by HTTP alike.
//!
//! The rules that keep credentials and private networks safe:
//!
//! 1. `Authorization` goes to the origin (scheme, host and port) that was asked first, and to no other.
//! 2. Once elsewhere, always elsewhere: a redirect back to the first origin gets no `Authorization` either, since that
//!    place was not chosen by the first server.
//! 3. A server that was reached by TLS never leads to plain HTTP.
//! 4. A server of the public internet never leads to an address of this machine or of a private network that the URL
//!    spells out. For files by HTTP this holds for the addresses of names, too. Registries are excepted from that:
//!    companies have storage with internal names behind a public registry.
//! 5. Link-local and metadata addresses, and those of no machine, are never asked, however they are reached.
//! 6. A target is an absolute `http` or `https` URL without user and password, or a path.
//! 7. The number of redirects is limited.
//!
//! Rules 3 and 4 hold between the first server and each target, and between each server and the next.

use ureq::http::Response;
use ureq::{Agent, Body};

use super::agents::Agents;
use super::failure::Failure;
use super::resolver::{Reach, lookup};
use super::response::{Answer, header};
use super::url::{Origin, Url, is_forbidden, is_private};

/// A request without a body, which changes nothing on the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetch<'a> {
    pub method: Method,
    pub url: &'a Url,
    /// Headers for every server on the way.
    pub headers: &'a [(&'static str, String)],
    /// Value of `Authorization`, for the origin of `url` only.
    pub authorization: Option<&'a str>,
}

/// Method of a [`Fetch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Asks for the content.
    Get,
    /// Asks for the headers alone.
    Head,
}

/// Rules that differ between registries and files by HTTP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    max_redirects: usize,
    guards_names: bool,
}

impl Rules {
    /// Rules for registries, token servers and the storage of blobs.
    pub const REGISTRY: Self = Self { max_redirects: 5, guards_names: false };

    /// Rules for files by HTTP; ten redirects are Go's limit.
    pub const WEB: Self = Self { max_redirects: 10, guards_names: true };
}

/// Asks for a URL and follows redirects by the rules of this module.
pub(crate) fn follow(agents: &Agents, fetch: &Fetch<'_>, rules: Rules) -> Result<Answer, Failure> {
    let start = &fetch.url.origin;
    let (mut at, mut from_origin) = (fetch.url.clone(), true);
    for _ in 0..=rules.max_redirects {
        let agent = agents.get(&at.origin, reach(agents, rules, start, &at.origin)?)?;
        let response = send(agent, fetch, &at, fetch.authorization.filter(|_| from_origin))?;
        let Some(next) = target(&at, &response)? else { return Ok(Answer { response, from_origin }) };
        if !(start.may_lead_to(&next.origin) && at.origin.may_lead_to(&next.origin)) {
            return Err(Failure::bad(format!("it redirects to {}", next.origin)));
        }
        from_origin &= next.origin == *start;
        at = next;
    }
    Err(Failure::bad(format!("it redirects more than {} times", rules.max_redirects)))
}

fn send(
    agent: &Agent,
    fetch: &Fetch<'_>,
    at: &Url,
    authorization: Option<&str>,
) -> Result<Response<Body>, Failure> {
    let mut request = match fetch.method {
        Method::Get => agent.get(at.to_string()),
        Method::Head => agent.head(at.to_string()),
    };
    for (name, value) in fetch.headers {
        request = request.header(*name, value);
    }
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    Ok(request.call()?)
}

/// Returns the target of a redirect; `None` for any other answer.
fn target(at: &Url, response: &Response<Body>) -> Result<Option<Url>, Failure> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = header(response.headers(), "location").unwrap_or_default();
    match at.join(location) {
        Some(next) => Ok(Some(next)),
        None => Err(Failure::bad(format!("it redirects to {location:?}"))),
    }
}

/// Returns the addresses that can be connected to for `at`, on the way from `start`.
///
/// Behind a proxy the proxy looks names up, so that only addresses that a URL spells out are judged.
fn reach(agents: &Agents, rules: Rules, start: &Origin, at: &Origin) -> Result<Reach, Failure> {
    if at.address().is_some_and(is_forbidden) {
        return Err(Failure::Forbidden { reason: format!("the address {} may not be asked", at.host) });
    }
    let is_wide =
        !rules.guards_names || agents.proxies.cover(at) || at.host == start.host || is_inside(agents, start)?;
    Ok(if is_wide { Reach::Wide } else { Reach::Public })
}

/// Reports whether a server is on this machine or a private network, by name or address.
fn is_inside(agents: &Agents, origin: &Origin) -> Result<bool, Failure> {
    if origin.is_private() {
        return Ok(true);
    }
    match lookup(&origin.host, origin.port, agents.patience.connect, &agents.cancel) {
        Ok(found) => Ok(found.iter().any(|socket| is_private(socket.ip()))),
        Err(Failure::Canceled) => Err(Failure::Canceled),
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cancel::Cancellation;
    use crate::http::patience::Patience;
    use crate::http::proxy::Proxies;
    use crate::http::trust::{Trust, TrustOptions};
    use crate::http::url::Scheme;

    fn agents(proxies: Proxies) -> Agents {
        let trust = Trust::new(Arc::default(), TrustOptions::default());
        Agents::new(Patience::default(), Cancellation::default(), proxies, Arc::new(trust))
    }

    fn origin(text: &str) -> Origin {
        Origin::new(Scheme::Http, text).expect("an origin")
    }

    #[track_caller]
    fn check(rules: Rules, start: &str, at: &str, expected: Reach) {
        let reach = reach(&agents(Proxies::default()), rules, &origin(start), &origin(at));
        assert_eq!(reach, Ok(expected), "{start} -> {at}");
    }

    #[test]
    fn a_public_server_of_files_leads_to_public_addresses_only() {
        check(Rules::WEB, "8.8.8.8", "cdn.example", Reach::Public);
        check(Rules::WEB, "8.8.8.8", "8.8.8.8:81", Reach::Wide);
    }

    #[test]
    fn a_server_on_a_private_network_leads_anywhere() {
        for start in ["localhost", "192.168.0.1:80", "10.0.0.1"] {
            check(Rules::WEB, start, "cdn.example", Reach::Wide);
        }
    }

    #[test]
    fn a_registry_can_have_storage_with_an_internal_name() {
        check(Rules::REGISTRY, "8.8.8.8", "storage.corp.example", Reach::Wide);
    }

    #[test]
    fn forbidden_addresses_are_not_asked_behind_a_proxy_either() {
        let agents = agents(Proxies { http: Some("proxy:3128".into()), ..Proxies::default() });
        for rules in [Rules::WEB, Rules::REGISTRY] {
            let reach = reach(&agents, rules, &origin("8.8.8.8"), &origin("169.254.169.254"));
            assert!(matches!(reach, Err(Failure::Forbidden { .. })), "{reach:?}");
        }
    }
}
