//! Files that hold secrets, recognized by their names.
//!
//! There are two lists: names of files that hold nothing but secrets, of which a build check warns by itself, and names of
//! files that often do, which are pointed out to people who look at their context. The name of a key file is not enough,
//! since certificates are `.pem`, too: such a file must also contain the text of a key.

use super::glob;

/// Files that hold nothing but secrets. A name can have directories in front.
const KNOWN: [&str; 11] = [
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".netrc",
    ".pgpass",
    ".pypirc",
    ".git-credentials",
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
];

/// Names (as wildcards) of files that often hold secrets, and the text that such a file contains if it does.
const LIKELY: [(&str, Option<&str>); 12] = [
    (".env.*", None),
    ("*.env", None),
    (".htpasswd", None),
    ("*.tfstate", None),
    ("*.p12", None),
    ("*.pfx", None),
    ("*.kdbx", None),
    ("*.pem", Some("PRIVATE KEY-----")),
    ("*.key", Some("PRIVATE KEY-----")),
    (".npmrc", Some("_auth")),
    ("*credential*.json", Some("\"private_key\"")),
    ("*service*account*.json", Some("\"private_key\"")),
];

/// Ends of the names of examples, which hold no real secrets.
const HARMLESS_ENDS: [&str; 5] = [".example", ".sample", ".template", ".dist", ".defaults"];

/// Likelihood that a file holds secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likelihood {
    /// The file holds nothing but secrets.
    Known,
    /// Files of this name often hold secrets.
    Likely,
}

/// Reports whether a file of this name holds nothing but secrets.
pub fn is_known(path: &[u8]) -> bool {
    KNOWN.iter().any(|name| {
        path.strip_suffix(name.as_bytes()).is_some_and(|above| above.is_empty() || above.ends_with(b"/"))
    })
}

/// Returns how likely a file holds secrets, or `None` if nothing suggests it.
///
/// `start` reads the first bytes of the file. It is called only if the name is not enough.
pub fn of_file(path: &[u8], start: impl FnOnce() -> Vec<u8>) -> Option<Likelihood> {
    if is_known(path) {
        return Some(Likelihood::Known);
    }
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let matches = |wildcard: &str| glob::matches(wildcard, name).unwrap_or(false);
    let (_, needle) = LIKELY.iter().find(|(wildcard, _)| matches(wildcard))?;
    if HARMLESS_ENDS.iter().any(|end| name.ends_with(end.as_bytes())) {
        return None;
    }
    let holds = |needle: &str| start().windows(needle.len()).any(|window| window == needle.as_bytes());
    needle.is_none_or(holds).then_some(Likelihood::Likely)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_names_stand_for_secrets_alone() {
        let check = |path: &str, expected| assert_eq!(is_known(path.as_bytes()), expected, "{path}");
        check("id_rsa", true);
        check("./keys/id_rsa", true);
        check(".aws/credentials", true);
        check("home/.docker/config.json", true);
        check("id_rsa.pub", false);
        check("my-id_rsa", false);
        check("credentials", false);
    }

    #[test]
    fn other_files_must_contain_the_text_of_a_secret() {
        let check = |path: &str, start: &str, expected| {
            assert_eq!(of_file(path.as_bytes(), || start.into()).is_some(), expected, "{path} {start}");
        };
        check("app/.env", "", true);
        check(".env.production", "", true);
        check("local.env", "", true);
        check(".env.example", "A=1", false);
        check("environment", "", false);
        check("server.pem", "-----BEGIN RSA PRIVATE KEY-----", true);
        check("cacert.pem", "-----BEGIN CERTIFICATE-----", false);
        check("talk.key", "PK\u{3}\u{4}", false);
        check(".npmrc", "registry=https://r", false);
        check(".npmrc", "//r/:_authToken=x", true);
        check("gcp-service-account.json", "{\"private_key\": \"-\"}", true);
    }
}
