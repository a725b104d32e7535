//! Files that hold secrets, told by their names.
//!
//! Two lists: names of files that hold nothing but secrets, so that a build check may warn of them unasked; and names
//! that often do, to be pointed out where people look at what they have. The name of a key file says little (certificates
//! are `.pem`, too), so that such a file must also begin like one.

use super::glob;

/// Files that hold nothing but secrets; a name may have folders in front.
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

/// Names (as wildcards) of files that often hold secrets, and what must be in them, if that can be told.
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

/// Ends of names that say: this is what the file would look like.
const HARMLESS_ENDS: [&str; 5] = [".example", ".sample", ".template", ".dist", ".defaults"];

/// How sure a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likelihood {
    /// It holds nothing but secrets.
    Known,
    /// It often holds secrets.
    Likely,
}

/// True if a file of this name holds nothing but secrets.
pub fn is_known(path: &[u8]) -> bool {
    KNOWN.iter().any(|name| {
        path.strip_suffix(name.as_bytes()).is_some_and(|above| above.is_empty() || above.ends_with(b"/"))
    })
}

/// What the name of a file says, and `start`, which reads how it begins, where the name says too little.
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
    fn some_names_are_enough() {
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
    fn others_must_begin_like_a_secret() {
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
