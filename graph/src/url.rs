//! The authority of a URL, and URLs without credentials.

/// Scheme, user and host of a URL, or of an address in the form of scp (`user@host:path`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authority {
    /// Scheme in lower case; `ssh` for the form of scp.
    pub scheme: String,
    /// User, and password after a colon, as written.
    pub user: Option<String>,
    /// Host in lower case without the port. IPv6 addresses are in brackets.
    pub host: String,
    /// Host with the port, if one is written.
    pub host_and_port: String,
}

impl Authority {
    /// Parses the authority of `url`. Returns `None` if it has none.
    pub fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), &rest[..end_of_authority(rest)]),
            None => ("ssh".to_owned(), url.split_once(':')?.0),
        };
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, rest),
        };
        let host_and_port = place.to_ascii_lowercase();
        let host = match host_and_port.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host.to_owned(),
            _ => host_and_port.clone(),
        };
        (!host.is_empty()).then_some(Self { scheme, user, host, host_and_port })
    }
}

fn end_of_authority(rest: &str) -> usize {
    rest.find(['/', '?', '#']).unwrap_or(rest.len())
}

/// Returns the URL without user and password. The `user@` of the form of scp stays, since it is no secret.
pub fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (place, path) = rest.split_at(end_of_authority(rest));
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    format!("{scheme}://{place}{path}")
}

/// Replaces each `%XX` by its byte.
pub fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| first == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        #[track_caller]
        fn check(url: &str, scheme: &str, user: Option<&str>, host: &str, host_and_port: &str) {
            let text = str::to_owned;
            let expected = Authority {
                scheme: text(scheme),
                user: user.map(text),
                host: text(host),
                host_and_port: text(host_and_port),
            };
            assert_eq!(Authority::of(url), Some(expected), "{url}");
        }
        check("https://H/x", "https", None, "h", "h");
        check("HTTP://u:p@h:80?x@y", "http", Some("u:p"), "h", "h:80");
        check("http://a@b@[::1]:8/x", "http", Some("a@b"), "[::1]", "[::1]:8");
        check("http://[::1]/x", "http", None, "[::1]", "[::1]");
        check("git@github.com:o/r", "ssh", Some("git"), "github.com", "github.com");
        check("ssh://git@h:22/r", "ssh", Some("git"), "h", "h:22");
        assert_eq!(Authority::of("https:///x"), None);
        assert_eq!(Authority::of("x"), None);
    }

    #[test]
    fn users_are_left_out() {
        assert_eq!(without_user("https://u:canary@h/x@y"), "https://h/x@y");
        assert_eq!(without_user("https://h/x@y"), "https://h/x@y");
        assert_eq!(without_user("https://a@b@h?q"), "https://h?q");
        assert_eq!(without_user("git@h:x"), "git@h:x");
    }

    #[test]
    fn percents() {
        assert_eq!(percent_decoded("a%20%zz%4"), b"a %zz%4");
        assert_eq!(percent_decoded("%+1%ff"), b"%+1\xff");
    }
}
