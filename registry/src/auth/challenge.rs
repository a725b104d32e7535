//! `WWW-Authenticate`: how a server wants to be shown who one is.
//!
//! Source: RFC 9110, section 11.6.1; the distribution specification's token authentication.

/// What a server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password.
    Basic,
    /// A token of `realm`.
    Bearer { realm: String, service: Option<String> },
}

/// Reads one header, which may hold several challenges; unknown schemes are left out.
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
        "bearer" => Some(Challenge::Bearer { realm: param("realm")?, service: param("service") }),
        _ => None,
    }
}

fn token(text: &str) -> (&str, &str) {
    let end = text.find(['=', ',', ' ', '"']).unwrap_or(text.len());
    text.split_at(end)
}

/// `"quoted, with \" escapes"` or a token.
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

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) }
    }

    #[test]
    fn challenges_are_read() {
        #[track_caller]
        fn check(header: &str, expected: &[Challenge]) {
            assert_eq!(parse(header), expected, "{header}");
        }
        check("Basic realm=\"x\"", &[Challenge::Basic]);
        check("basic", &[Challenge::Basic]);
        check(
            r#"Bearer realm="https://a/token",service="r",scope="repository:x:pull,push""#,
            &[bearer("https://a/token", Some("r"))],
        );
        check("Bearer realm=https://a/t", &[bearer("https://a/t", None)]);
        check(
            r#"Negotiate, Bearer realm="a\"b" , Basic realm="c""#,
            &[bearer("a\"b", None), Challenge::Basic],
        );
        check("Bearer service=\"no realm\"", &[]);
        check("", &[]);
        check("=,=", &[]);
        check("Bearer realm=\"unfinished", &[bearer("unfinished", None)]);
    }
}
