//! Where a repository is, and whether it may be asked.
//!
//! | scheme | may be asked |
//! |---|---|
//! | `https`, `http`, `ssh` (and scp's `user@host:path`), `git` | yes |
//! | `file`, paths, `ext::` and all other helpers of git's | no: they reach this machine's files or run programs |
//!
//! The host's addresses are judged as for files by HTTP ([`registry::web`]), before git looks them up again; for HTTP git is
//! told to use just those. A redirect is followed by git without asking us, but not with a login, and not from `https`.

use std::net::{SocketAddr, ToSocketAddrs as _};

use registry::web::{is_forbidden, is_private};

use super::GitError;
use crate::login::{self, Logins};
use graph::url::{Authority, without_user};

/// A repository that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// What git is given: without user and password for HTTP.
    pub url: String,
    authority: Authority,
}

impl Address {
    /// Checks a URL.
    pub fn new(url: &str) -> Result<Self, GitError> {
        let refused = |reason: &str| GitError::Url { url: without_user(url), reason: reason.to_owned() };
        if url.starts_with('-') || url.chars().any(|c| c.is_control() || c == ' ' || c == '\\') {
            return Err(refused("it has characters that no URL has"));
        }
        let authority = match Authority::of(url) {
            Some(authority) if url.contains("://") || is_scp(url) => authority,
            _ => return Err(refused("it names no host")),
        };
        if !matches!(authority.scheme.as_str(), "https" | "http" | "ssh" | "git") {
            return Err(refused("its protocol is not allowed"));
        }
        // Programs that git starts would take them for flags.
        if authority.host.starts_with('-')
            || authority.user.as_ref().is_some_and(|user| user.starts_with('-'))
        {
            return Err(refused("its host begins with a dash"));
        }
        let is_http = authority.scheme.starts_with("http");
        let url = if is_http { without_user(url) } else { url.to_owned() };
        Ok(Self { url: url.split('#').next().unwrap_or_default().to_owned(), authority })
    }

    /// The repository that a submodule's URL means in a repository at this address.
    pub fn submodule(&self, url: &str) -> Result<Self, GitError> {
        if !(url.starts_with("./") || url.starts_with("../")) {
            return Self::new(url);
        }
        let climbs =
            || GitError::Url { url: url.to_owned(), reason: "it leads out of its server".to_owned() };
        let path_start = match self.url.split_once("://") {
            Some((scheme, rest)) => {
                let start = scheme.len() + 3;
                start + rest.find('/').ok_or_else(climbs)? + 1
            }
            None => self.url.find(':').ok_or_else(climbs)? + 1,
        };
        let (front, path) = self.url.split_at(path_start);
        let mut elements: Vec<&str> = path.split('/').filter(|element| !element.is_empty()).collect();
        for element in url.split('/') {
            match element {
                "" | "." => {}
                ".." => drop(elements.pop().ok_or_else(climbs)?),
                element => elements.push(element),
            }
        }
        Self::new(&format!("{front}{}", elements.join("/")))
    }

    /// What the server is shown.
    pub fn authorization(&self, is_named: bool, secrets: &Logins) -> Option<String> {
        login::for_repository(&self.authority, is_named, secrets)
    }

    /// What git may speak on the way there: never less safe than what was asked for.
    pub fn protocols(&self) -> &'static str {
        match self.authority.scheme.as_str() {
            "https" => "https",
            "http" => "http:https",
            "ssh" => "ssh",
            _ => "git",
        }
    }

    fn is_http(&self) -> bool {
        self.authority.scheme.starts_with("http")
    }

    /// Checks the host's addresses. `inside`: it may be on this machine or a private network. Returns configuration that
    /// binds git to them. A name that cannot be looked up here is git's to report: behind a proxy it need not be known.
    pub fn judge(&self, inside: bool) -> Result<Vec<(String, String)>, GitError> {
        let found = self.look_up();
        let allowed =
            |socket: &&SocketAddr| !is_forbidden(socket.ip()) && (inside || !is_private(socket.ip()));
        let kept: Vec<String> = found.iter().filter(allowed).map(|socket| socket.ip().to_string()).collect();
        if let (true, Some(socket)) = (kept.is_empty(), found.first()) {
            let reason = format!("the address {} may not be asked", socket.ip());
            return Err(GitError::Url { url: self.url.clone(), reason });
        }
        if kept.is_empty() || !self.is_http() || self.authority.host.starts_with('[') {
            return Ok(Vec::new());
        }
        let value = format!("{}:{}:{}", self.authority.host, self.port(), kept.join(","));
        Ok(vec![("http.curloptResolve".to_owned(), value)])
    }

    /// True if it is on this machine or a private network: then what it names may be, too.
    pub fn is_inside(&self) -> bool {
        self.look_up().iter().any(|socket| is_private(socket.ip()))
    }

    fn look_up(&self) -> Vec<SocketAddr> {
        let host = self.authority.host.trim_start_matches('[').trim_end_matches(']');
        (host, self.port()).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
    }

    fn port(&self) -> u16 {
        let written = self.authority.host_and_port.strip_prefix(&self.authority.host);
        let written = written.and_then(|rest| rest.strip_prefix(':')?.parse().ok());
        written.unwrap_or(match self.authority.scheme.as_str() {
            "https" => 443,
            "http" => 80,
            "ssh" => 22,
            _ => 9418,
        })
    }

    /// Configuration that shows a login to this server, and to no other it may lead to.
    pub fn show(&self, authorization: &str) -> Vec<(String, String)> {
        let place = format!("http.{}://{}/.extraHeader", self.authority.scheme, self.authority.host_and_port);
        vec![
            (place, format!("Authorization: {authorization}")),
            ("http.followRedirects".to_owned(), "false".to_owned()),
        ]
    }
}

/// `user@host:path`
fn is_scp(url: &str) -> bool {
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    url.split_once('@').is_some_and(|(user, rest)| {
        let host = rest.split_once(':').filter(|(_, path)| !path.is_empty() && !path.starts_with(':'));
        is_word(user) && host.is_some_and(|(host, _)| is_word(host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_asked() {
        let check = |url: &str, given: &str| assert_eq!(Address::new(url).expect(url).url, given);
        check("https://h/r.git", "https://h/r.git");
        check("https://u:canary@h:8/r.git", "https://h:8/r.git");
        check("git@h:o/r", "git@h:o/r");
        check("ssh://git@h:22/r", "ssh://git@h:22/r");
        check("git://h/r", "git://h/r");
    }

    #[test]
    fn addresses_that_are_not() {
        for url in [
            "file:///etc",
            "/etc",
            "./r.git",
            "ext::sh -c id",
            "ext::sh",
            "fd::17",
            "--upload-pack=x",
            "-oProxyCommand=x@h:p",
            "git@-oProxyCommand=x:p",
            "git@h:",
            "ssh://-oProxyCommand=x/r",
            "ssh://-u@h/r",
            "https://h/a\nb",
            "https:///r",
            "ftp://h/r.git",
            "transport::https://h/r",
        ] {
            assert!(matches!(Address::new(url), Err(GitError::Url { .. })), "{url}");
        }
    }

    #[test]
    fn submodules_stay_on_the_server_or_name_another() {
        let parent = Address::new("https://h/o/r.git").expect("a URL");
        let check = |url: &str, expected: &str| assert_eq!(parent.submodule(url).expect(url).url, expected);
        check("../s.git", "https://h/o/s.git");
        check("./s.git", "https://h/o/r.git/s.git");
        check("../../p/s.git", "https://h/p/s.git");
        check("https://other/s.git", "https://other/s.git");
        for url in ["../../../s.git", "file:///etc", "/etc", "ext::sh", "s.git"] {
            assert!(parent.submodule(url).is_err(), "{url}");
        }
        let scp = Address::new("git@h:o/r").expect("a URL");
        assert_eq!(scp.submodule("../s").expect("a URL").url, "git@h:o/s");
    }

    #[test]
    fn hosts_are_judged() {
        let judge = |url: &str, inside| Address::new(url).expect("a URL").judge(inside);
        assert!(judge("https://169.254.169.254/r.git", true).is_err());
        assert!(judge("git://[fe80::1]/r", true).is_err());
        assert!(judge("https://10.0.0.1/r.git", false).is_err());
        let pinned = vec![("http.curloptResolve".to_owned(), "10.0.0.1:8080:10.0.0.1".to_owned())];
        assert_eq!(judge("http://10.0.0.1:8080/r.git", true).expect("allowed"), pinned);
        assert_eq!(judge("git://10.0.0.1/r", true).expect("allowed"), []);
    }

    #[test]
    fn logins_are_bound_to_the_server() {
        let shown = Address::new("https://h:8/r.git").expect("a URL").show("Bearer t");
        assert_eq!(
            shown[0],
            ("http.https://h:8/.extraHeader".to_owned(), "Authorization: Bearer t".to_owned())
        );
    }
}
