//! Endpoints: the servers that are asked for the images of a registry.
//!
//! | registry | servers, in order |
//! |---|---|
//! | `ghcr.io` | its mirror, if it has one; HTTPS |
//! | `localhost:5000`, `127.0.0.1:5000` | plain HTTP, or TLS without verification |
//! | listed in [`Options::insecure`] | TLS without verification, or plain HTTP |
//!
//! Where two schemes are possible, [`crate::scheme`] finds out which one the server speaks.

use crate::Options;
use crate::http::url::{Origin, Scheme, Url};

/// Host of Docker Hub's server.
const HUB_HOST: &str = "registry-1.docker.io";

/// A server that has the images of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub origin: Origin,
    /// Origin of the same server under the other scheme, where it is allowed to speak either.
    pub alternative: Option<Origin>,
    /// Path before the repository: empty, or `proxy/` for a mirror below a path.
    pub prefix: String,
    /// Name (`host[:port]`) under which logins and certificates for the server are filed.
    pub name: String,
    pub role: Role,
}

/// Weight of an endpoint's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The registry itself: its answer counts.
    Registry,
    /// A mirror: if it fails, the next server is asked. Nothing is pushed to it.
    Mirror,
}

impl Endpoint {
    /// Returns the URL of a path below a repository, such as `manifests/latest`.
    pub fn url(&self, repository: &str, path: &str) -> Url {
        Url { origin: self.origin.clone(), path: format!("/v2/{}{repository}/{path}", self.prefix) }
    }

    /// Returns the same server by its other scheme; `None` if it has to speak the one it has.
    pub fn by_other_scheme(&self) -> Option<Self> {
        let origin = self.alternative.clone()?;
        Some(Self { origin, alternative: Some(self.origin.clone()), ..self.clone() })
    }

    /// Returns the origin by which the server is reached if it speaks TLS.
    pub fn tls_origin(&self) -> Option<&Origin> {
        let mut origins = std::iter::once(&self.origin).chain(&self.alternative);
        origins.find(|origin| origin.scheme == Scheme::Https)
    }
}

/// Returns the servers for `registry` (`host[:port]`) in the order in which to ask them. The registry itself is last.
pub(crate) fn of(options: &Options, registry: &str) -> Result<Vec<Endpoint>, String> {
    let mut endpoints = Vec::new();
    if let Some(mirror) = options.mirrors.get(registry) {
        endpoints.push(self::mirror(mirror).ok_or_else(|| format!("{mirror:?} is not the URL of a mirror"))?);
    }
    let host = if registry == "docker.io" { HUB_HOST } else { registry };
    let origin =
        |scheme| Origin::new(scheme, host).ok_or_else(|| format!("{host:?} is not of the form host[:port]"));
    let (plain, tls) = (origin(Scheme::Http)?, origin(Scheme::Https)?);
    let is_insecure = options.insecure.iter().any(|insecure| insecure == registry);
    let (origin, alternative) = if plain.is_loopback() {
        (plain, Some(tls))
    } else if is_insecure {
        (tls, Some(plain))
    } else {
        (tls, None)
    };
    let (name, role) = (registry.to_owned(), Role::Registry);
    endpoints.push(Endpoint { origin, alternative, prefix: String::new(), name, role });
    Ok(endpoints)
}

fn mirror(text: &str) -> Option<Endpoint> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) }?;
    let path = url.path.trim_matches('/');
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let default = if url.origin.scheme == Scheme::Http { 80 } else { 443 };
    let name = match url.origin.port {
        port if port == default => url.origin.host.clone(),
        port => format!("{}:{port}", url.origin.host),
    };
    Some(Endpoint { origin: url.origin, alternative: None, prefix, name, role: Role::Mirror })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        Options {
            insecure: vec!["lan:5000".to_owned(), "lan".to_owned()],
            mirrors: [("docker.io".to_owned(), "https://mirror/hub".to_owned())].into(),
            ..Options::default()
        }
    }

    #[track_caller]
    fn check(registry: &str, expected: &[&str]) {
        let endpoints = of(&options(), registry).expect("valid");
        let by_either = |endpoint: Endpoint| {
            let other = endpoint.by_other_scheme();
            [Some(endpoint), other].into_iter().flatten()
        };
        let url = |endpoint: Endpoint| endpoint.url("a/b", "manifests/x").to_string();
        let urls: Vec<String> = endpoints.into_iter().flat_map(by_either).map(url).collect();
        assert_eq!(urls, expected);
    }

    #[test]
    fn public_registries_are_asked_by_tls_alone() {
        check("ghcr.io", &["https://ghcr.io:443/v2/a/b/manifests/x"]);
        check("h.local", &["https://h.local:443/v2/a/b/manifests/x"]);
        check("10.0.0.1:80", &["https://10.0.0.1:80/v2/a/b/manifests/x"]);
    }

    #[test]
    fn insecure_registries_are_asked_by_tls_and_then_by_plain_http() {
        check("lan:5000", &["https://lan:5000/v2/a/b/manifests/x", "http://lan:5000/v2/a/b/manifests/x"]);
        check("lan", &["https://lan:443/v2/a/b/manifests/x", "http://lan:80/v2/a/b/manifests/x"]);
    }

    #[test]
    fn this_machine_is_asked_by_plain_http_and_then_by_tls() {
        check(
            "localhost:5000",
            &["http://localhost:5000/v2/a/b/manifests/x", "https://localhost:5000/v2/a/b/manifests/x"],
        );
    }

    #[test]
    fn a_mirror_is_asked_before_its_registry() {
        check(
            "docker.io",
            &[
                "https://mirror:443/v2/hub/a/b/manifests/x",
                "https://registry-1.docker.io:443/v2/a/b/manifests/x",
            ],
        );
    }
}
