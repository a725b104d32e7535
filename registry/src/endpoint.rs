//! Endpoints: the servers that are asked for an image, and its place there.
//!
//! | registry | servers, in order |
//! |---|---|
//! | `ghcr.io` | its mirrors, if it has some; HTTPS |
//! | `localhost:5000`, `127.0.0.1:5000` | plain HTTP, or TLS without verification |
//! | insecure by [`Options::insecure`] or `registries.conf` | TLS without verification, or plain HTTP |
//!
//! Where two schemes are possible, [`crate::scheme`] finds out which one the server speaks.

use oci::Reference;

use crate::Options;
use crate::auth::Access;
use crate::http::url::{Origin, Scheme, Url};
use crate::registries_conf::{RegistriesConf, RegistryEntry};

/// Host of Docker Hub's server.
const HUB_HOST: &str = "registry-1.docker.io";

/// A server that has an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub origin: Origin,
    /// Origin of the same server under the other scheme, where it is allowed to speak either.
    pub alternative: Option<Origin>,
    /// Repository of the image on this server.
    pub repository: String,
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

/// Reason why no server can be asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EndpointError {
    /// The user's `registries.conf` blocks the registry.
    Blocked,
    /// A name or setting that is no server.
    Invalid(String),
}

impl Endpoint {
    /// Returns the URL of a path below the repository, such as `manifests/latest`.
    pub fn url(&self, path: &str) -> Url {
        Url { origin: self.origin.clone(), path: format!("/v2/{}/{path}", self.repository) }
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

    /// Makes the endpoint of a place: a registry (`host[:port]`) and a repository.
    fn new(registry: &str, repository: &str, is_insecure: bool, role: Role) -> Result<Self, EndpointError> {
        let host = if registry == "docker.io" { HUB_HOST } else { registry };
        let invalid = || EndpointError::Invalid(format!("{host:?} is not of the form host[:port]"));
        let origin = |scheme| Origin::new(scheme, host).ok_or_else(invalid);
        let (plain, tls) = (origin(Scheme::Http)?, origin(Scheme::Https)?);
        let (origin, alternative) = if plain.is_loopback() {
            (plain, Some(tls))
        } else if is_insecure {
            (tls, Some(plain))
        } else {
            (tls, None)
        };
        Ok(Self { origin, alternative, repository: repository.to_owned(), name: registry.to_owned(), role })
    }
}

/// Returns the servers for an image in the order in which to ask them. The registry itself is last.
pub(crate) fn of(
    options: &Options,
    conf: &RegistriesConf,
    reference: &Reference,
    access: Access,
) -> Result<Vec<Endpoint>, EndpointError> {
    let Reference { registry, repository, .. } = reference;
    let entry = conf.of(reference);
    if entry.is_some_and(|entry| entry.blocked) {
        return Err(EndpointError::Blocked);
    }
    let mut endpoints = Vec::new();
    if access == Access::Pull {
        if let Some(url) = options.mirrors.get(registry) {
            let invalid = || EndpointError::Invalid(format!("{url:?} is not the URL of a mirror"));
            endpoints.push(mirror(url, repository).ok_or_else(invalid)?);
        }
        for (mirror, place) in entry.into_iter().flat_map(|entry| entry.mirrors_of(reference)) {
            endpoints.push(at(&place, is_insecure(options, &place, mirror.insecure), Role::Mirror)?);
        }
    }
    let moved = entry.filter(|_| access == Access::Pull).and_then(|entry| entry.location(reference));
    let place = moved.unwrap_or_else(|| reference.name());
    let by_conf = entry.is_some_and(|entry: &RegistryEntry| entry.insecure);
    endpoints.push(at(&place, is_insecure(options, &place, by_conf), Role::Registry)?);
    Ok(endpoints)
}

/// Makes the endpoint of a place written as `host[:port]/repository`. The repository is empty where only a login is tried.
fn at(place: &str, is_insecure: bool, role: Role) -> Result<Endpoint, EndpointError> {
    let (registry, repository) = place.split_once('/').unwrap_or((place, ""));
    Endpoint::new(registry, repository, is_insecure, role)
}

fn is_insecure(options: &Options, place: &str, by_conf: bool) -> bool {
    let registry = place.split('/').next().unwrap_or_default();
    by_conf || options.insecure.iter().any(|insecure| insecure == registry)
}

/// Makes the endpoint of a mirror that is written as a URL.
fn mirror(text: &str, repository: &str) -> Option<Endpoint> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) }?;
    let path = url.path.trim_matches('/');
    let repository = if path.is_empty() { repository.to_owned() } else { format!("{path}/{repository}") };
    let default = if url.origin.scheme == Scheme::Http { 80 } else { 443 };
    let name = match url.origin.port {
        port if port == default => url.origin.host.clone(),
        port => format!("{}:{port}", url.origin.host),
    };
    Some(Endpoint { origin: url.origin, alternative: None, repository, name, role: Role::Mirror })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registries_conf::RegistriesFiles;

    fn options() -> Options {
        Options {
            insecure: vec!["lan:5000".to_owned(), "lan.test".to_owned()],
            mirrors: [("docker.io".to_owned(), "https://mirror/hub".to_owned())].into(),
            ..Options::default()
        }
    }

    /// Returns the endpoints of an image with this text as `registries.conf`.
    fn endpoints(
        options: &Options,
        conf: &str,
        name: &str,
        access: Access,
    ) -> Result<Vec<Endpoint>, EndpointError> {
        let directory = tempfile::tempdir().expect("temporary folder");
        let file = directory.path().join("registries.conf");
        std::fs::write(&file, conf).expect("written");
        let files = RegistriesFiles { file: Some(file), drop_ins: Vec::new() };
        let conf = RegistriesConf::read(&files).expect("valid");
        of(options, &conf, &name.parse().expect("a name"), access)
    }

    #[track_caller]
    fn check(registry: &str, expected: &[&str]) {
        let endpoints = endpoints(&options(), "", &format!("{registry}/a/b"), Access::Pull).expect("valid");
        let by_either = |endpoint: Endpoint| {
            let other = endpoint.by_other_scheme();
            [Some(endpoint), other].into_iter().flatten()
        };
        let url = |endpoint: Endpoint| endpoint.url("manifests/x").to_string();
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
        check(
            "lan.test",
            &["https://lan.test:443/v2/a/b/manifests/x", "http://lan.test:80/v2/a/b/manifests/x"],
        );
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
    /// Returns the URLs, without the scheme, for an image whose registry has this `registries.conf`.
    #[track_caller]
    fn check_conf(conf: &str, name: &str, access: Access, expected: &[&str]) {
        let found = endpoints(&options(), conf, name, access).expect("valid");
        let url = |endpoint: &Endpoint| {
            let either = if endpoint.alternative.is_some() { "either " } else { "" };
            format!("{either}{}", endpoint.url("x"))
        };
        assert_eq!(found.iter().map(url).collect::<Vec<_>>(), expected, "{conf}");
    }

    #[test]
    fn registries_conf_moves_pulls_and_not_pushes() {
        let conf = "[[registry]]\nprefix = 'r.io/team'\nlocation = 's.io:1/all'\n\
            [[registry.mirror]]\nlocation = 'm.io'\ninsecure = true";
        let pull = ["either https://m.io:443/v2/a/x", "https://s.io:1/v2/all/a/x"];
        check_conf(conf, "r.io/team/a", Access::Pull, &pull);
        check_conf(conf, "r.io/team/a", Access::Push, &["https://r.io:443/v2/team/a/x"]);
        check_conf(conf, "r.io/other/a", Access::Pull, &["https://r.io:443/v2/other/a/x"]);
        let insecure = "[[registry]]\nlocation = 'r.io'\ninsecure = true";
        check_conf(insecure, "r.io/a", Access::Push, &["either https://r.io:443/v2/a/x"]);
        let both = "[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'm.io/hub'";
        let hub = [
            "https://mirror:443/v2/hub/library/a/x",
            "https://m.io:443/v2/hub/library/a/x",
            "https://registry-1.docker.io:443/v2/library/a/x",
        ];
        check_conf(both, "a", Access::Pull, &hub);
    }

    #[test]
    fn a_blocked_registry_is_not_asked() {
        let conf = "[[registry]]\nlocation = 'r.io'\nblocked = true";
        for access in [Access::Pull, Access::Push] {
            assert_eq!(endpoints(&options(), conf, "r.io/a", access), Err(EndpointError::Blocked));
        }
    }
}
