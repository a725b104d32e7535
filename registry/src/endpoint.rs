//! Which servers stand for a registry.

use crate::Options;
use crate::http::url::{Origin, Scheme, Url};

/// Docker Hub's server.
const HUB_HOST: &str = "registry-1.docker.io";

/// A server that has the images of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub origin: Origin,
    /// What stands before the repository: `""`, or `proxy/` of a mirror below a path.
    pub prefix: String,
    /// Under what name logins for it are filed.
    pub login: String,
    /// What its failure means.
    pub role: Role,
}

/// What it means that a server fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The registry itself: its answer counts.
    Registry,
    /// A mirror: the next one is asked.
    Mirror,
    /// The registry by TLS, in case it does not speak plain HTTP: its failure says nothing.
    Guess,
}

impl Endpoint {
    /// The URL of something of a repository: `manifests/latest`.
    pub fn url(&self, repository: &str, what: &str) -> Url {
        Url { origin: self.origin.clone(), path: format!("/v2/{}{repository}/{what}", self.prefix) }
    }
}

/// The servers for `registry` (`host[:port]`), in the order in which to ask.
pub(crate) fn of(options: &Options, registry: &str) -> Result<Vec<Endpoint>, String> {
    let mut endpoints = Vec::new();
    if let Some(mirror) = options.mirrors.get(registry) {
        endpoints.push(self::mirror(mirror).ok_or_else(|| format!("{mirror:?} is no URL of a mirror"))?);
    }
    let host = if registry == "docker.io" { HUB_HOST } else { registry };
    let endpoint = |scheme, role| {
        let origin = Origin::new(scheme, host).ok_or_else(|| format!("{host:?} is not host[:port]"))?;
        Ok::<_, String>(Endpoint { origin, prefix: String::new(), login: registry.to_owned(), role })
    };
    let plain = endpoint(Scheme::Http, Role::Registry)?;
    if options.insecure.iter().any(|insecure| insecure == registry) {
        endpoints.push(plain);
    } else if plain.origin.is_loopback() {
        endpoints.extend([plain, endpoint(Scheme::Https, Role::Guess)?]);
    } else {
        endpoints.push(endpoint(Scheme::Https, Role::Registry)?);
    }
    Ok(endpoints)
}

fn mirror(text: &str) -> Option<Endpoint> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) }?;
    let path = url.path.trim_matches('/');
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    let default = if url.origin.scheme == Scheme::Http { 80 } else { 443 };
    let login = match url.origin.port {
        port if port == default => url.origin.host.clone(),
        port => format!("{}:{port}", url.origin.host),
    };
    Some(Endpoint { origin: url.origin, prefix, login, role: Role::Mirror })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_reached_safely() {
        let options = Options {
            insecure: vec!["lan:5000".to_owned()],
            mirrors: [("docker.io".to_owned(), "https://mirror/hub".to_owned())].into(),
            ..Options::default()
        };
        #[track_caller]
        fn check(options: &Options, registry: &str, expected: &[&str]) {
            let urls: Vec<String> = of(options, registry)
                .expect("valid")
                .iter()
                .map(|endpoint| endpoint.url("a/b", "manifests/x").to_string())
                .collect();
            assert_eq!(urls, expected);
        }
        check(&options, "ghcr.io", &["https://ghcr.io:443/v2/a/b/manifests/x"]);
        check(&options, "lan:5000", &["http://lan:5000/v2/a/b/manifests/x"]);
        check(&options, "lan", &["https://lan:443/v2/a/b/manifests/x"]);
        check(&options, "h.local", &["https://h.local:443/v2/a/b/manifests/x"]);
        check(&options, "10.0.0.1:80", &["https://10.0.0.1:80/v2/a/b/manifests/x"]);
        let local = ["http://localhost:5000/v2/a/b/manifests/x", "https://localhost:5000/v2/a/b/manifests/x"];
        check(&options, "localhost:5000", &local);
        let hub = [
            "https://mirror:443/v2/hub/a/b/manifests/x",
            "https://registry-1.docker.io:443/v2/a/b/manifests/x",
        ];
        check(&options, "docker.io", &hub);
    }
}
