//! The user's logins: docker's `config.json`, podman's `auth.json`, and the helpers that they name.
//!
//! A login is looked for in the files in order. Within a file the helper for that registry is asked first, then the
//! logins in the file count (those for a part of a registry before those for all of it), then the helper for all
//! registries.
//!
//! Source: docker's `config.json` reference; containers-auth.json(5).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::credential::{Credential, CredentialError};
use super::credential_helper;
use crate::cancel::Cancellation;

/// Largest file of logins that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Hosts under which the login for Docker Hub is filed.
const HUB_KEYS: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];

/// Address of Docker Hub as docker passes it to helpers.
const HUB_SERVER: &str = "https://index.docker.io/v1/";

/// Content of a file of logins.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginFile {
    #[serde(default, deserialize_with = "null_as_empty")]
    auths: BTreeMap<String, Login>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    cred_helpers: BTreeMap<String, String>,
}

/// Reads a map as Go does: `null` is the empty map, and the default value as a value.
fn null_as_empty<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let entries: Option<BTreeMap<String, Option<T>>> = Option::deserialize(deserializer)?;
    let entries = entries.unwrap_or_default().into_iter();
    Ok(entries.map(|(key, value)| (key, value.unwrap_or_default())).collect())
}

#[derive(Debug, Default, Deserialize)]
struct Login {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// Places where logins are kept.
#[derive(Clone, Copy)]
pub(crate) struct Logins<'a> {
    /// Files of logins; the first that has one counts, and any can be missing.
    pub files: &'a [PathBuf],
    /// Folders where credential helpers are looked for.
    pub helper_folders: &'a [PathBuf],
    pub cancel: &'a Cancellation,
}

/// Returns the address of a registry as docker passes it to helpers, and as it is the key of a login in a file.
pub(crate) fn server_key(registry: &str) -> &str {
    if registry == "docker.io" { HUB_SERVER } else { registry }
}

/// Reports whether the key of a login is one for all of `registry`, however it is written.
pub(crate) fn is_key_of(key: &str, registry: &str) -> bool {
    let host = host_of(key);
    host == registry || (registry == "docker.io" && HUB_KEYS.contains(&&*host))
}

impl Logins<'_> {
    /// Finds the login for a repository of a registry (`host[:port]`); `None` if the user has none.
    pub fn find(&self, registry: &str, repository: &str) -> Result<Option<Credential>, CredentialError> {
        for path in self.files {
            let Some(file) = read(path).map_err(CredentialError::Failed)? else { continue };
            if let Some(credential) = self.find_in(&file, registry, repository)? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    fn find_in(
        &self,
        file: &LoginFile,
        registry: &str,
        repository: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        let server = server_key(registry);
        let keys = keys(registry, repository);
        let helper = file.cred_helpers.iter().find(|(key, _)| keys.contains(&host_of(key)));
        if let Some((_, helper)) = helper {
            return credential_helper::ask(helper, self.helper_folders, server, self.cancel);
        }
        let own = keys.iter().find_map(|key| {
            let mut logins = file.auths.iter().filter(|(name, _)| host_of(name) == *key);
            logins.find_map(|(_, login)| login.credential())
        });
        match (own, &file.creds_store) {
            (Some(credential), _) => Ok(Some(credential)),
            (None, Some(helper)) if !helper.is_empty() => {
                credential_helper::ask(helper, self.helper_folders, server, self.cancel)
            }
            (None, _) => Ok(None),
        }
    }
}

/// Reads a file of logins; `None` if it is missing or empty.
fn read(path: &Path) -> Result<Option<LoginFile>, String> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|cause| format!("{}: {cause}", path.display()))
}

/// Reads the text of a file of logins; `None` if it is missing or empty.
pub(crate) fn read_text(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let error = |cause: std::io::Error| format!("{}: {cause}", path.display());
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(error(cause)),
    };
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut text).map_err(error)?;
    Ok((!text.is_empty()).then_some(text))
}

impl Login {
    fn credential(&self) -> Option<Credential> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = filled(&self.identitytoken) {
            return Some(Credential::Identity(token));
        }
        if let Some(token) = filled(&self.registrytoken) {
            return Some(Credential::Bearer(token));
        }
        if let Some(auth) = filled(&self.auth) {
            let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
            let (user, password) = text.split_once(':')?;
            let password = password.trim_end_matches('\0').to_owned();
            return Some(Credential::Basic { user: user.to_owned(), password });
        }
        Some(Credential::Basic { user: filled(&self.username)?, password: filled(&self.password)? })
    }
}

/// Returns the keys under which a login can be filed: `host/a/b`, `host/a`, `host`. Docker Hub has several hosts.
fn keys(registry: &str, repository: &str) -> Vec<String> {
    if registry == "docker.io" {
        return HUB_KEYS.map(str::to_owned).to_vec();
    }
    let mut key = format!("{registry}/{repository}");
    let mut keys = vec![key.clone()];
    while let Some(slash) = key.rfind('/') {
        key.truncate(slash);
        keys.push(key.clone());
    }
    keys
}

/// Strips what older programs write around the host in a key: a scheme and `/v1/`.
fn host_of(key: &str) -> String {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(user: &str, password: &str) -> Option<Credential> {
        Some(Credential::Basic { user: user.to_owned(), password: password.to_owned() })
    }

    /// Returns an entry of `auths` for `login`, which is `user:password`.
    fn auth(login: &str) -> String {
        format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(login))
    }

    fn file(directory: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("write");
        path
    }

    fn find(
        files: &[PathBuf],
        registry: &str,
        repository: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        let logins = Logins { files, helper_folders: &[], cancel: &Cancellation::default() };
        logins.find(registry, repository)
    }

    #[track_caller]
    fn check_key(key: &str, registry: &str, repository: &str, found: bool) {
        let directory = tempfile::tempdir().expect("temporary folder");
        let text = format!(r#"{{"auths":{{"{key}":{}}}}}"#, auth("u:p:q"));
        let credential = find(&[file(&directory, "config.json", &text)], registry, repository);
        let expected = if found { basic("u", "p:q") } else { None };
        assert_eq!(credential.expect("readable"), expected, "{key} for {registry}");
    }

    #[test]
    fn logins_are_found_under_every_key_that_docker_and_podman_use() {
        check_key("https://index.docker.io/v1/", "docker.io", "library/x", true);
        check_key("docker.io", "docker.io", "library/x", true);
        check_key("r.example", "r.example", "a/b", true);
        check_key("https://r.example/v2/", "r.example", "a/b", true);
        check_key("r.example/a", "r.example", "a/b", true);
        check_key("r.example/a/b", "r.example", "a/b", true);
    }

    #[test]
    fn null_in_a_file_of_logins_is_an_absent_login() {
        let directory = tempfile::tempdir().expect("temporary folder");
        for text in [r#"{"auths":null}"#, r#"{"auths":{"r":null},"credHelpers":null,"credsStore":null}"#] {
            let credential = find(&[file(&directory, "config.json", text)], "r", "a/b");
            assert_eq!(credential.expect("readable"), None, "{text}");
        }
    }

    #[test]
    fn logins_of_other_registries_and_repositories_are_not_used() {
        check_key("r.example/c", "r.example", "a/b", false);
        check_key("r.example", "r.example:5000", "a", false);
        check_key("evil.example", "r.example", "a", false);
    }

    #[test]
    fn the_narrower_login_and_the_earlier_file_win() {
        let directory = tempfile::tempdir().expect("temporary folder");
        let first = format!(r#"{{"auths":{{"r":{},"r/a":{}}}}}"#, auth("all:1"), auth("some:2"));
        let second = format!(r#"{{"auths":{{"r":{}}}}}"#, auth("later:3"));
        let files = [
            directory.path().join("missing.json"),
            file(&directory, "auth.json", &first),
            file(&directory, "config.json", &second),
        ];
        assert_eq!(find(&files, "r", "a/b").expect("readable"), basic("some", "2"));
    }

    #[test]
    fn kinds_of_tokens_are_distinguished() {
        let directory = tempfile::tempdir().expect("temporary folder");
        let text = r#"{"auths":{"i":{"auth":"Og==","identitytoken":"I"},"b":{"registrytoken":"B"},"e":{}}}"#;
        let files = [file(&directory, "config.json", text)];
        let of = |registry| find(&files, registry, "x").expect("readable");
        assert_eq!(of("i"), Some(Credential::Identity("I".to_owned())));
        assert_eq!(of("b"), Some(Credential::Bearer("B".to_owned())));
        assert_eq!(of("e"), None);
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let directory = tempfile::tempdir().expect("temporary folder");
        assert!(find(&[file(&directory, "config.json", "{")], "r", "x").is_err());
    }

    #[test]
    fn the_helper_for_all_registries_is_asked_for_what_the_file_lacks() {
        let directory = tempfile::tempdir().expect("temporary folder");
        let files = [file(&directory, "config.json", r#"{"auths":{"r":{}},"credsStore":"absent"}"#)];
        let error = find(&files, "r", "x").expect_err("no such helper");
        assert_eq!(error.to_string(), "docker-credential-absent is not installed");
    }

    #[test]
    fn the_helper_for_a_registry_is_asked_before_the_file() {
        let directory = tempfile::tempdir().expect("temporary folder");
        let text = format!(r#"{{"auths":{{"r":{}}},"credHelpers":{{"r":"absent"}}}}"#, auth("u:p"));
        let files = [file(&directory, "config.json", &text)];
        let error = find(&files, "r", "x").expect_err("no such helper");
        assert_eq!(error.to_string(), "docker-credential-absent is not installed");
    }
}
