//! Challenges: the `WWW-Authenticate` header, by which a server says how it wants to be authenticated to.
//!
//! Source: RFC 9110, section 11.6.1; distribution, "Token Authentication Specification".

use ureq::Body;
use ureq::http::Response;

/// One way to authenticate, as a server offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// With a user and a password.
    Basic,
    /// With a token of a token server.
    Bearer(BearerChallenge),
}

/// Where to get a token, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BearerChallenge {
    /// URL of the token server, as written.
    pub realm: String,
    /// Name of the registry, which the token server expects with the request.
    pub service: Option<String>,
    /// Scopes that the server thinks the token needs, separated by spaces.
    pub scope: Option<String>,
}

/// Returns the challenges in all headers of an answer.
pub(crate) fn of(response: &Response<Body>) -> Vec<Challenge> {
    let headers = response.headers().get_all("www-authenticate");
    headers.iter().filter_map(|value| value.to_str().ok()).flat_map(parse).collect()
}

/// Parses one header, which can hold several challenges; unknown schemes are left out.
pub(crate) fn parse(header: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = header.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let (word, after) = token(rest);
        if word.is_empty() {
            break;
        }
        match after.trim_start().strip_prefix('=') {
            Some(after) if !found.is_empty() => {
                let (value, after) = value(after.trim_start());
                if let Some((_, params)) = found.last_mut() {
                    params.push((word.to_ascii_lowercase(), value));
                }
                rest = after.trim_start_matches([' ', ',']);
            }
            _ => {
                found.push((word.to_ascii_lowercase(), Vec::new()));
                rest = after.trim_start_matches([' ', ',']);
            }
        }
    }
    found.into_iter().filter_map(|(scheme, params)| challenge(&scheme, params)).collect()
}

fn challenge(scheme: &str, params: Vec<(String, String)>) -> Option<Challenge> {
    let param = |name: &str| params.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer(BearerChallenge {
            realm: param("realm")?,
            service: param("service"),
            scope: param("scope"),
        })),
        _ => None,
    }
}

fn token(text: &str) -> (&str, &str) {
    let end = text.find(['=', ',', ' ', '"']).unwrap_or(text.len());
    text.split_at(end)
}

/// Splits off a value: a token, or text in quotes with `\"` for a quote.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (index, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[index + 1..]),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let [service, scope] = [service, scope].map(|value| value.map(str::to_owned));
        Challenge::Bearer(BearerChallenge { realm: realm.to_owned(), service, scope })
    }

    #[track_caller]
    fn check(header: &str, expected: &[Challenge]) {
        assert_eq!(parse(header), expected, "{header}");
    }

    #[test]
    fn challenges_are_parsed() {
        check("Basic realm=\"x\"", &[Challenge::Basic]);
        check("basic", &[Challenge::Basic]);
        check(
            r#"Bearer realm="https://a/token",service="r",scope="repository:x:pull,push""#,
            &[bearer("https://a/token", Some("r"), Some("repository:x:pull,push"))],
        );
        check("Bearer realm=https://a/t", &[bearer("https://a/t", None, None)]);
        check(
            r#"Negotiate, Bearer realm="a\"b" , Basic realm="c""#,
            &[bearer("a\"b", None, None), Challenge::Basic],
        );
        check("Bearer realm=\"unfinished", &[bearer("unfinished", None, None)]);
    }

    #[test]
    fn headers_that_name_no_scheme_or_realm_hold_no_challenge() {
        check("Bearer service=\"no realm\"", &[]);
        check("", &[]);
        check("=,=", &[]);
    }
}
