//! References: names of images, `[registry/]repository[:tag][@digest]`.

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// Registry of names without a registry part.
const DOCKER_HUB: &str = "docker.io";

/// Maximum length of a whole reference.
const MAX_BYTES: usize = 4096;

/// Maximum length of a repository, as in distribution/reference.
const MAX_PATH_BYTES: usize = 255;

/// Maximum length of a tag, as in distribution/reference.
const MAX_TAG_BYTES: usize = 128;

/// The text does not name an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid reference {text:?}: {reason}")]
pub struct ReferenceError {
    /// The text that was to be parsed.
    pub text: String,
    /// Rule of the grammar that the text violates, as a clause.
    pub reason: &'static str,
}

/// The complete name of an image: `busybox` is completed to `docker.io/library/busybox:latest`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Registry as `host[:port]`; `docker.io` by default.
    pub registry: String,
    /// Path of the image in the registry, in lower case, as in `library/busybox`.
    pub repository: String,
    /// Tag of the image: `latest` if the name has neither tag nor digest, `None` if it has a digest only.
    pub tag: Option<String>,
    /// Digest of the manifest, if the name pins one.
    pub digest: Option<Digest>,
}

impl Reference {
    /// Returns the name without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Returns the name as people write it, without `docker.io/` and `library/` where the rest still names the same
    /// image: `docker.io/er.io/app` stays, because `er.io/app` is an image of another registry.
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        let Some(path) = full.strip_prefix("docker.io/") else { return full };
        let official = path.strip_prefix("library/").filter(|name| !name.contains('/'));
        let short = official.unwrap_or(path);
        let is_ambiguous = short.split_once('/').is_some_and(|(first, _)| names_registry(first));
        if is_ambiguous { full } else { short.to_owned() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Parses a name as people write it and completes it with the defaults of Docker Hub.
    ///
    /// Source: distribution/reference, `ParseDockerRef`.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        parse(text).map_err(|reason| ReferenceError { text: text.to_owned(), reason })
    }
}

/// Splits off digest, tag and registry, in this order; the rest is the repository. The error is the violated rule.
fn parse(text: &str) -> Result<Reference, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("it is longer than 4096 bytes");
    }
    let (rest, digest) = split_digest(text)?;
    let (name, tag) = split_tag(rest)?;
    let (registry, path) = split_registry(name)?;
    let repository = repository(registry, path);
    check_path(path, &repository)?;
    let default_tag = if digest.is_none() { Some("latest") } else { None };
    let tag = tag.or(default_tag).map(str::to_owned);
    Ok(Reference { registry: registry.to_owned(), repository, tag, digest })
}

fn split_digest(text: &str) -> Result<(&str, Option<Digest>), &'static str> {
    let Some((rest, digest)) = text.split_once('@') else { return Ok((text, None)) };
    let digest = digest.parse().map_err(|_| "the digest is not sha256:<64 hex digits>")?;
    Ok((rest, Some(digest)))
}

/// Splits off the tag. A colon with a slash somewhere after it belongs to the registry (`localhost:5000/app`).
fn split_tag(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    match text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        None => Ok((text, None)),
        Some((name, tag)) if is_tag(tag) => Ok((name, Some(tag))),
        Some(_) => Err("a tag has up to 128 letters, digits, '_', '.' and '-'"),
    }
}

/// Reports whether `tag` is `[a-zA-Z0-9_] [a-zA-Z0-9_.-]*`, and not too long.
fn is_tag(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    tag.len() <= MAX_TAG_BYTES
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Splits off the registry, which is the first component if that has the form of a host name.
fn split_registry(name: &str) -> Result<(&str, &str), &'static str> {
    match name.split_once('/').filter(|(host, _)| names_registry(host)) {
        None => Ok((DOCKER_HUB, name)),
        Some((host, _)) if !is_host(host) => Err("the registry is not a host[:port]"),
        Some(("index.docker.io", path)) => Ok((DOCKER_HUB, path)),
        Some((host, path)) => Ok((host, path)),
    }
}

/// Reports whether the first component is a registry rather than a part of the repository: `ghcr.io/app`, not
/// `user/app`.
fn names_registry(component: &str) -> bool {
    component.contains(['.', ':'])
        || component == "localhost"
        || component.bytes().any(|b| b.is_ascii_uppercase())
}

/// Checks the path as it is written. The limit of its length holds for the completed one, `repository`.
fn check_path(path: &str, repository: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("the repository is empty");
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("the repository name must be lower-case");
    }
    if repository.len() > MAX_PATH_BYTES {
        return Err("the repository is longer than 255 bytes");
    }
    if !path.split('/').all(is_path_component) {
        return Err("the repository has a component that is not [a-z0-9]+ joined by '.', '_' or '-'");
    }
    Ok(())
}

/// Completes the path: a single component on Docker Hub is an official image, which is in `library/`.
fn repository(registry: &str, path: &str) -> String {
    if registry == DOCKER_HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() }
}

/// Reports whether `host` is `host[:port]` with a name, an IPv4 address or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_name_valid = match name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.split('.').all(is_host_label),
    };
    is_name_valid && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

fn is_host_label(label: &str) -> bool {
    !label.is_empty()
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Reports whether `component` is `[a-z0-9]+ ( ("." | "_" | "__" | "-"+) [a-z0-9]+ )*`.
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !alphanumeric(*first) || !alphanumeric(*last) {
        return false;
    }
    component
        .split(|c: char| alphanumeric(u8::try_from(c).unwrap_or(b'?')))
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}
