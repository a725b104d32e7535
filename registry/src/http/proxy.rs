//! Proxies: which servers are asked by way of one.
//!
//! Source: Go's `golang.org/x/net/http/httpproxy`, whose rules docker follows.

use std::fmt;
use std::net::IpAddr;

use ureq::{Proxy, ProxyProtocol};

use super::failure::Failure;
use super::url::{Origin, Scheme};

/// Proxies, as the environment names them. This machine itself is always asked directly.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// `HTTP_PROXY`: URL of the proxy for plain HTTP (its own scheme is `http` where none is written). `None`: no proxy.
    pub http: Option<String>,
    /// `HTTPS_PROXY`: URL of the proxy for HTTPS. `None`: no proxy.
    pub https: Option<String>,
    /// `NO_PROXY`: servers that are asked directly, separated by commas.
    ///
    /// An entry is a name with its subdomains (`.corp`: subdomains only), an address, or a network (`10.0.0.0/8`), and
    /// can end with `:PORT` to mean one port. `*` means all servers.
    pub direct: String,
}

/// Shows no URL, since it can have a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |proxy: &Option<String>| proxy.is_some();
        f.debug_struct("Proxies")
            .field("http", &set(&self.http))
            .field("https", &set(&self.https))
            .field("direct", &self.direct)
            .finish()
    }
}

impl Proxies {
    /// Reports whether `origin` is asked by way of a proxy.
    pub(crate) fn cover(&self, origin: &Origin) -> bool {
        self.url(origin).is_some()
    }

    /// Returns the proxy for `origin`; `None` if it is asked directly.
    pub(crate) fn of(&self, origin: &Origin) -> Result<Option<Proxy>, Failure> {
        let Some(url) = self.url(origin) else { return Ok(None) };
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        match Proxy::new(&url) {
            Ok(proxy) if matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) => {
                Ok(Some(proxy))
            }
            Ok(_) => Err(unusable(origin.scheme, "is of a kind that is not supported; use an HTTP proxy")),
            Err(_) => Err(unusable(origin.scheme, "is not the URL of a proxy")),
        }
    }

    fn url(&self, origin: &Origin) -> Option<&str> {
        let url = match origin.scheme {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        let is_direct = origin.is_loopback() || self.direct.split(',').any(|entry| includes(entry, origin));
        url.as_deref().filter(|url| !url.is_empty() && !is_direct)
    }
}

/// Names the variable, and not its value, which can have a password.
fn unusable(scheme: Scheme, problem: &str) -> Failure {
    Failure::NoConnection { reason: format!("{} {problem}", variable(scheme)), is_temporary: false }
}

fn variable(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "HTTP_PROXY",
        Scheme::Https => "HTTPS_PROXY",
    }
}

/// Reports whether an entry of `NO_PROXY` means `origin`.
fn includes(entry: &str, origin: &Origin) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    if let Some((network, bits)) = entry.split_once('/') {
        return in_network(network, bits, origin).unwrap_or(false);
    }
    let (name, port) = with_port(&entry);
    if name.is_empty() || port.is_some_and(|port| port != origin.port) {
        return false;
    }
    match (bare(name).parse::<IpAddr>(), origin.address()) {
        (Ok(listed), Some(address)) => listed == address,
        _ if name == "*" => true,
        _ => is_in_domain(&origin.host, name),
    }
}

/// Reports whether `domain` means `host`: `corp.example` means itself and its subdomains, `.corp.example` and
/// `*.corp.example` mean the subdomains only.
fn is_in_domain(host: &str, domain: &str) -> bool {
    let domain = domain.strip_prefix('*').unwrap_or(domain);
    let above = host.strip_suffix(domain.trim_start_matches('.'));
    above.is_some_and(|above| above.ends_with('.') || (above.is_empty() && !domain.starts_with('.')))
}

fn in_network(network: &str, bits: &str, origin: &Origin) -> Option<bool> {
    let (network, bits, address) =
        (bare(network).parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?, origin.address()?);
    let same = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let dropped = 32_u32.checked_sub(bits)?;
            (network.to_bits() ^ address.to_bits()).checked_shr(dropped).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let dropped = 128_u32.checked_sub(bits)?;
            (network.to_bits() ^ address.to_bits()).checked_shr(dropped).unwrap_or(0) == 0
        }
        _ => false,
    };
    Some(same)
}

/// Splits `name:port` or `[address]:port`; the colons of a bare address separate no port.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

/// Returns an address without its brackets.
fn bare(name: &str) -> &str {
    name.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(direct: &str, host: &str, expected: bool) {
        let proxies =
            Proxies { https: Some("proxy:3128".into()), direct: direct.into(), ..Proxies::default() };
        let origin = Origin::new(Scheme::Https, host).expect("an origin");
        assert_eq!(!proxies.cover(&origin), expected, "{host} with {direct:?}");
    }

    #[test]
    fn entries_of_no_proxy_are_asked_directly() {
        check("", "quay.io", false);
        check("*", "quay.io", true);
        check("quay.io", "quay.io", true);
        check("quay.io", "cdn.quay.io", true);
        check("quay.io", "notquay.io", false);
        check(".quay.io", "quay.io", false);
        check("x, *.quay.io ,y", "cdn.quay.io", true);
        check("QUAY.io:443", "quay.io", true);
        check("quay.io:444", "quay.io", false);
        check("10.1.2.3", "10.1.2.3", true);
        check("10.0.0.0/8", "10.200.0.1:5000", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("0.0.0.0/0", "11.0.0.1", true);
        check("10.0.0.0/33", "10.0.0.1", false);
        check("fd00::/8", "[fd12::1]:443", true);
        check("[fd12::1]:443", "[fd12::1]", true);
        check("fd12::1", "[fd12::1]", true);
        check(",", "quay.io", false);
    }

    #[test]
    fn this_machine_is_asked_directly() {
        for host in ["localhost:5000", "127.0.0.1:5000", "[::1]"] {
            check("", host, true);
        }
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let proxies = Proxies { http: Some("proxy:3128".into()), ..Proxies::default() };
        let origin = |scheme| Origin::new(scheme, "quay.io").expect("an origin");
        assert!(proxies.cover(&origin(Scheme::Http)) && !proxies.cover(&origin(Scheme::Https)));
        assert!(matches!(proxies.of(&origin(Scheme::Http)), Ok(Some(_))));
    }

    #[track_caller]
    fn check_unusable(url: &str, expected: &str) {
        let proxies = Proxies { https: Some(url.into()), ..Proxies::default() };
        let origin = Origin::new(Scheme::Https, "quay.io").expect("an origin");
        let Err(failure) = proxies.of(&origin) else { panic!("{url} is usable") };
        assert_eq!(failure.to_string(), expected);
        assert!(!format!("{proxies:?}").contains("pass"));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_password() {
        check_unusable("http://user:pass word@:x", "HTTPS_PROXY is not the URL of a proxy");
        let kind = "HTTPS_PROXY is of a kind that is not supported; use an HTTP proxy";
        check_unusable("socks5://user:pass@proxy:1080", kind);
    }
}
