//! The `Authorization` for a server, from the URL itself or from secrets that are named after the server.
//!
//! | secret | used for | content |
//! |---|---|---|
//! | `HTTP_AUTH_HEADER_<host>` | ADD of a URL | the value of the header |
//! | `HTTP_AUTH_TOKEN_<host>` | ADD of a URL | a bearer token |
//! | `GIT_AUTH_HEADER[.<host>]` | a repository by HTTP(S) | the value of the header |
//! | `GIT_AUTH_TOKEN[.<host>]` | a repository by HTTP(S) | the password of `x-access-token` |
//!
//! Source: BuildKit, `source/http` and `source/git`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use graph::url::{Authority, percent_decoded};

/// Values of the secrets that can be logins, by ID.
pub type Logins = BTreeMap<String, Vec<u8>>;

/// Returns the `Authorization` for a file; `None` if neither the URL nor a secret has a login.
pub fn for_file(url: &str, secrets: &Logins) -> Option<String> {
    let authority = Authority::of(url)?;
    for host in hosts(&authority) {
        if let Some(header) = text(&format!("HTTP_AUTH_HEADER_{host}"), secrets) {
            return Some(header);
        }
        if let Some(token) = text(&format!("HTTP_AUTH_TOKEN_{host}"), secrets) {
            return Some(format!("Bearer {token}"));
        }
    }
    of_user(&authority)
}

/// Returns the `Authorization` for a repository; `None` if neither the URL nor a secret has a login.
///
/// Secrets without a host are for servers that the user's files name (`is_named`), not for those that a repository names in
/// its submodules.
pub fn for_repository(authority: &Authority, is_named: bool, secrets: &Logins) -> Option<String> {
    if !authority.scheme.starts_with("http") {
        return None;
    }
    let mut suffixes: Vec<String> = hosts(authority).map(|host| format!(".{host}")).collect();
    if is_named {
        suffixes.push(String::new());
    }
    for suffix in suffixes {
        if let Some(header) = text(&format!("GIT_AUTH_HEADER{suffix}"), secrets) {
            return Some(header);
        }
        if let Some(token) = text(&format!("GIT_AUTH_TOKEN{suffix}"), secrets) {
            return Some(basic(format!("x-access-token:{token}").as_bytes()));
        }
    }
    of_user(authority)
}

/// Returns the host as secrets can name it: with the port first, then without.
fn hosts(authority: &Authority) -> impl Iterator<Item = &str> {
    let with_port = Some(authority.host_and_port.as_str()).filter(|text| *text != authority.host);
    with_port.into_iter().chain([authority.host.as_str()])
}

/// Returns a secret that is one line of text. Another cannot be sent in a header and counts as none.
fn text(id: &str, secrets: &Logins) -> Option<String> {
    let text = std::str::from_utf8(secrets.get(id)?).ok()?.trim();
    (!text.is_empty() && !text.contains(|c: char| c.is_control())).then(|| text.to_owned())
}

fn of_user(authority: &Authority) -> Option<String> {
    let user = authority.user.as_ref().filter(|_| authority.scheme.starts_with("http"))?;
    let user = percent_decoded(user);
    Some(if user.contains(&b':') { basic(&user) } else { basic(&[&user[..], b":"].concat()) })
}

fn basic(user_and_password: &[u8]) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[(&str, &str)]) -> Logins {
        all.iter().map(|(id, value)| ((*id).to_owned(), value.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_file_gets_the_login_of_its_server() {
        let all = secrets(&[
            ("HTTP_AUTH_HEADER_h", "Custom x\n"),
            ("HTTP_AUTH_TOKEN_h:81", "t"),
            ("HTTP_AUTH_TOKEN_two", "a\r\nX: y"),
        ]);
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(for_file(url, &all).as_deref(), expected, "{url}");
        };
        check("https://h/x", Some("Custom x"));
        check("https://h:81/x", Some("Bearer t"));
        check("https://two/x", None);
        check("https://other/x", None);
        check("https://u:p%40@other/x", Some("Basic dTpwQA=="));
        check("https://u@other/x", Some("Basic dTo="));
    }

    #[test]
    fn a_repository_gets_the_login_of_its_server() {
        let all = secrets(&[("GIT_AUTH_TOKEN", "t"), ("GIT_AUTH_HEADER.h", "Custom x")]);
        let check = |url: &str, is_named: bool, expected: Option<&str>| {
            let authority = Authority::of(url).expect("an authority");
            assert_eq!(for_repository(&authority, is_named, &all).as_deref(), expected, "{url}");
        };
        check("https://h/r.git", false, Some("Custom x"));
        check("https://h:81/r.git", true, Some("Custom x"));
        check("https://o/r.git", true, Some("Basic eC1hY2Nlc3MtdG9rZW46dA=="));
        check("https://o/r.git", false, None);
        check("git@o:r.git", true, None);
        check("ssh://u:p@o/r.git", true, None);
    }
}
