//! Addresses of repositories: which servers can be asked, and how.
//!
//! | scheme | allowed |
//! |---|---|
//! | `https`, `http`, `ssh` (and scp's `user@host:path`), `git` | yes |
//! | `file`, paths, `ext::` and all other helpers of git | no: they reach files of this machine or run programs |
//!
//! The host's addresses are judged by the rules for files by HTTP ([`registry::web`]), before git looks them up again; for
//! HTTP, git is bound to the judged ones. git follows a redirect by itself, but not with a login, and not from `https`.

use std::net::SocketAddr;

use registry::web::{is_forbidden, is_private};

use super::error::GitError;
use crate::login::{self, Logins};
use crate::reach::look_up;
use graph::url::{Authority, without_user};

/// Address of a repository that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// URL that git is called with: without user and password for HTTP.
    pub url: String,
    authority: Authority,
}

impl Address {
    /// Parses a URL, and refuses those that no server of a repository has.
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
        // The programs that git starts would take these for flags.
        if authority.host.starts_with('-')
            || authority.user.as_ref().is_some_and(|user| user.starts_with('-'))
        {
            return Err(refused("its host begins with a dash"));
        }
        let is_http = authority.scheme.starts_with("http");
        let url = if is_http { without_user(url) } else { url.to_owned() };
        Ok(Self { url: url.split('#').next().unwrap_or_default().to_owned(), authority })
    }

    /// Returns the address that the URL of a submodule means in a repository at this address.
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

    /// Returns the login for the server.
    pub fn authorization(&self, is_named: bool, secrets: &Logins) -> Option<String> {
        login::for_repository(&self.authority, is_named, secrets)
    }

    /// Returns the protocols that git can speak on the way: never less safe ones than that of the URL.
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

    /// Checks the host's addresses, and returns configuration that binds git to them.
    ///
    /// `inside` allows addresses on this machine or a private network. A name that cannot be looked up here is left to git:
    /// behind a proxy it need not be known.
    pub fn judge(&self, inside: bool) -> Result<Vec<(String, String)>, GitError> {
        let found = self.look_up();
        let allowed =
            |socket: &&SocketAddr| !is_forbidden(socket.ip()) && (inside || !is_private(socket.ip()));
        let kept: Vec<String> = found.iter().filter(allowed).map(|socket| socket.ip().to_string()).collect();
        if let (true, Some(socket)) = (kept.is_empty(), found.first()) {
            let reason = format!("the address {} is not allowed", socket.ip());
            return Err(GitError::Url { url: self.url.clone(), reason });
        }
        if kept.is_empty() || !self.is_http() || self.authority.host.starts_with('[') {
            return Ok(Vec::new());
        }
        let value = format!("{}:{}:{}", self.authority.host, self.port(), kept.join(","));
        Ok(vec![("http.curloptResolve".to_owned(), value)])
    }

    /// Reports whether the server is on this machine or a private network. Its submodules can then be there, too.
    pub fn is_inside(&self) -> bool {
        self.look_up().iter().any(|socket| is_private(socket.ip()))
    }

    fn look_up(&self) -> Vec<SocketAddr> {
        look_up(&self.authority.host, self.port())
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

    /// Returns configuration that shows a login to this server, and to no other that it can lead to.
    pub fn show(&self, authorization: &str) -> Vec<(String, String)> {
        let name = format!("http.{}://{}/.extraHeader", self.authority.scheme, self.authority.host_and_port);
        vec![
            (name, format!("Authorization: {authorization}")),
            ("http.followRedirects".to_owned(), "false".to_owned()),
        ]
    }
}

/// Reports whether a URL has the form of scp, `user@host:path`.
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
    fn servers_of_repositories_are_allowed() {
        let check = |url: &str, given: &str| assert_eq!(Address::new(url).expect(url).url, given);
        check("https://h/r.git", "https://h/r.git");
        check("https://u:canary@h:8/r.git", "https://h:8/r.git");
        check("git@h:o/r", "git@h:o/r");
        check("ssh://git@h:22/r", "ssh://git@h:22/r");
        check("git://h/r", "git://h/r");
    }

    #[test]
    fn other_urls_are_refused() {
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
    fn a_relative_submodule_stays_on_the_server() {
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
    fn hosts_are_judged_by_their_addresses() {
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
