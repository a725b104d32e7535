//! URLs and origins, as far as registries need them, and the rules about which server may lead to which.
//!
//! Invariants: a server that was reached by TLS never leads to plain HTTP; a server of the public internet never leads
//! to an address of this machine or of a private network that the URL spells out.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Scheme of a URL; no other is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Scheme, host and port of a server: credentials are bound to these three.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub scheme: Scheme,
    /// Name in lower case, or address; IPv6 addresses are in brackets.
    pub host: String,
    pub port: u16,
}

/// An absolute URL without user, password and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub origin: Origin,
    /// Everything from the first `/` on, with the query.
    pub path: String,
}

impl Origin {
    /// Parses `host[:port]`; the port is that of the scheme where none is written.
    pub fn new(scheme: Scheme, authority: &str) -> Option<Self> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok().filter(|port| *port != 0)?),
            _ => (authority, if scheme == Scheme::Http { 80 } else { 443 }),
        };
        let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let valid = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(name),
        };
        valid.then(|| Self { scheme, host: host.to_ascii_lowercase(), port })
    }

    /// Reports whether this is the machine itself, by name or loopback address: plain HTTP does not leave it.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.address().is_some_and(|address| address.is_loopback())
    }

    /// Reports whether the URL spells out an address that is not on the public internet.
    pub fn is_private(&self) -> bool {
        match self.address() {
            Some(address) => is_private(address),
            None => self.host == "localhost" || self.host.ends_with(".localhost"),
        }
    }

    /// Returns the address if the host is written as one.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Reports whether this server can send a client on to `other`: by a redirect, or as the place to get tokens.
    pub fn may_lead_to(&self, other: &Self) -> bool {
        let weaker = self.scheme == Scheme::Https && other.scheme == Scheme::Http;
        let inwards = other.is_private() && !self.is_private() && (self.host != other.host);
        self == other || !(weaker || inwards)
    }
}

/// Reports whether an address is not on the public internet.
pub fn is_private(address: IpAddr) -> bool {
    let private_v4 = |v4: Ipv4Addr| {
        v4.is_loopback()
            || v4.is_private()
            || v4.is_link_local()
            || v4.is_unspecified()
            || v4.octets()[0] == 0
    };
    match address {
        IpAddr::V4(v4) => private_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some_and(private_v4)
        }
    }
}

/// Reports whether nothing is ever fetched from an address: it is link-local, where clouds hand out credentials to
/// anybody who asks, or it stands for no single machine.
pub fn is_forbidden(address: IpAddr) -> bool {
    // Metadata services that are not link-local: Alibaba's, Oracle's, and that of AWS for IPv6.
    const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
    const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let forbidden_v4 = |v4: Ipv4Addr| {
        let no_machine = v4.octets()[0] == 0 || v4.is_broadcast() || v4.is_multicast();
        v4.is_link_local() || no_machine || METADATA_V4.contains(&v4)
    };
    match address {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => {
            let no_machine = v6.is_unspecified() || v6.is_multicast();
            let mapped = v6.to_ipv4_mapped().is_some_and(forbidden_v4);
            v6.is_unicast_link_local() || no_machine || mapped || v6 == METADATA_V6
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.name(), self.host, self.port)
    }
}

impl Url {
    /// Parses an absolute URL; `None` if it is not one, or names a user: credentials come from the user's files only.
    pub fn parse(text: &str) -> Option<Self> {
        if text.bytes().any(|b| b <= b' ' || b == 0x7f || !b.is_ascii()) {
            return None;
        }
        let text = text.split('#').next().unwrap_or_default();
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let path = match &rest[end..] {
            "" => "/".to_owned(),
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        Some(Self { origin: Origin::new(scheme, &rest[..end])?, path })
    }

    /// Returns the target of a `Location` header in an answer from this URL.
    pub fn join(&self, location: &str) -> Option<Self> {
        let same = |path: &str| Self::parse(&format!("{}{path}", self.origin));
        if location.contains("://") && !location.starts_with(['/', '?', '.']) {
            Self::parse(location)
        } else if location.starts_with("//") {
            Self::parse(&format!("{}:{location}", self.origin.scheme.name()))
        } else if location.starts_with('/') {
            same(location)
        } else {
            let folder = self.path.split('?').next().unwrap_or("/").rsplit_once('/')?.0;
            same(&format!("{folder}/{location}"))
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

/// Encodes a value for a query: everything but letters, digits and `-._~` becomes `%XX`.
pub(crate) fn percent_encoded(value: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_urls_are_parsed() {
        #[track_caller]
        fn check(text: &str, expected: Option<&str>) {
            assert_eq!(Url::parse(text).map(|url| url.to_string()).as_deref(), expected, "{text}");
        }
        check("https://h", Some("https://h:443/"));
        check("HTTP://H:5000/v2/?a=b#c", Some("http://h:5000/v2/?a=b"));
        check("https://h?x=1", Some("https://h:443/?x=1"));
        check("http://[::1]:80/x", Some("http://[::1]:80/x"));
        check("ftp://h/", None);
        check("https://user:pass@h/", None);
        check("https://h:0/", None);
        check("https://h:99999/", None);
        check("https:///x", None);
        check("https://h/a b", None);
        check("https://h/a\r\nX: y", None);
        check("https://[::1/x", None);
    }

    #[test]
    fn locations_are_resolved_against_the_url_that_answered() {
        #[track_caller]
        fn check(location: &str, expected: Option<&str>) {
            let base = Url::parse("https://r/v2/a/blobs/x?q=1").expect("a URL");
            assert_eq!(base.join(location).map(|url| url.to_string()).as_deref(), expected, "{location}");
        }
        check("https://cdn/x", Some("https://cdn:443/x"));
        check("//cdn/x", Some("https://cdn:443/x"));
        check("/y?z=https://w", Some("https://r:443/y?z=https://w"));
        check("y", Some("https://r:443/v2/a/blobs/y"));
        check("gopher://cdn/x", None);
    }

    #[test]
    fn metadata_services_and_addresses_of_no_machine_are_forbidden() {
        let check = |text: &str, expected| {
            assert_eq!(is_forbidden(text.parse().expect("an address")), expected, "{text}");
        };
        for address in
            ["169.254.169.254", "::ffff:169.254.1.1", "fe80::1", "fd00:ec2::254", "100.100.100.200"]
        {
            check(address, true);
        }
        for address in ["0.0.0.0", "0.1.2.3", "::", "255.255.255.255", "224.0.0.1", "ff02::1"] {
            check(address, true);
        }
        for address in ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd00::1", "8.8.8.8", "2001:db8::1"] {
            check(address, false);
        }
    }

    #[test]
    fn no_server_leads_to_plain_http_or_inwards() {
        #[track_caller]
        fn check(from: &str, to: &str, expected: bool) {
            let origin = |text: &str| Url::parse(text).expect("a URL").origin;
            assert_eq!(origin(from).may_lead_to(&origin(to)), expected, "{from} -> {to}");
        }
        check("https://r.example", "https://cdn.example", true);
        check("https://r.example", "http://cdn.example", false);
        check("https://r.example", "http://r.example", false);
        for inside in
            ["169.254.169.254", "10.0.0.1", "127.0.0.1", "0.0.0.0", "[::1]", "[::ffff:10.0.0.1]", "localhost"]
        {
            check("https://r.example", &format!("https://{inside}"), false);
        }
        check("http://127.0.0.1:5000", "http://127.0.0.1:5001", true);
        check("http://localhost:5000", "http://10.0.0.7:5000", true);
        check("http://localhost:5000", "https://cdn.example", true);
    }
}
