//! Signs in the output of a step that its network failed.

use crate::output;

/// Words before the name of a host that did not resolve: of git and curl, apt, wget, pip, npm, go, busybox.
const BEFORE_HOST: [&str; 9] = [
    "Could not resolve host: ",
    "Could not resolve proxy: ",
    "Temporary failure resolving '",
    "unable to resolve host address '",
    "unable to resolve host address \u{2018}",
    "Failed to resolve '",
    "getaddrinfo EAI_AGAIN ",
    "dial tcp: lookup ",
    "bad address '",
];

/// Returns the way out if the output of a failed step shows that a name did not resolve, or that there is no network.
pub fn hint(tail: &str) -> Option<String> {
    if let Some(host) = tail.lines().rev().find_map(unresolved_host) {
        return Some(format!(
            "{host} did not resolve: check the name, this machine's connection and the servers in /etc/resolv.conf"
        ));
    }
    if tail.contains("Temporary failure in name resolution") {
        return Some(
            "a name did not resolve: check this machine's connection and the servers in /etc/resolv.conf"
                .to_owned(),
        );
    }
    tail.contains("Network is unreachable").then(|| {
        "the step has no route to the network: check this machine's connection, and that neither the instruction nor \
         the command line says --network=none"
            .to_owned()
    })
}

fn unresolved_host(line: &str) -> Option<String> {
    let rest = BEFORE_HOST.iter().find_map(|words| Some(line.split_once(words)?.1))?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
    let host = output::sanitized(rest[..end].trim_end_matches('.'));
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_the_host_that_did_not_resolve() {
        let check = |tail: &str, expected: Option<&str>| {
            let hint = hint(tail);
            let host =
                hint.as_deref().and_then(|hint| hint.split_once(" did not resolve")).map(|(host, _)| host);
            assert_eq!(host, expected, "{tail}");
        };
        check(
            "fatal: unable to access 'https://github.com/x/': Could not resolve host: github.com",
            Some("github.com"),
        );
        check("curl: (6) Could not resolve host: x.test\nmore", Some("x.test"));
        check(
            "W: Failed to fetch http://deb.debian.org/  Temporary failure resolving 'deb.debian.org'",
            Some("deb.debian.org"),
        );
        check("wget: bad address 'x.test'", Some("x.test"));
        check("wget: unable to resolve host address \u{2018}x.test\u{2019}", Some("x.test"));
        check(
            "Failed to resolve 'pypi.org' ([Errno -3] Temporary failure in name resolution)",
            Some("pypi.org"),
        );
        check(
            "npm error request failed, reason: getaddrinfo EAI_AGAIN registry.npmjs.org",
            Some("registry.npmjs.org"),
        );
        check("dial tcp: lookup proxy.golang.org: no such host", Some("proxy.golang.org"));
        check("ping: x: Temporary failure in name resolution", Some("a name"));
        check("connect: Network is unreachable", None);
        check("all is well", None);
    }

    #[test]
    fn a_network_that_is_unreachable_has_a_hint() {
        assert!(hint("connect: Network is unreachable").is_some_and(|hint| hint.contains("no route")));
        assert_eq!(hint("compile error"), None);
    }
}
