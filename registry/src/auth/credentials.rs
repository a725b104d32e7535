//! The user's logins: docker's `config.json`, podman's `auth.json`, and the helpers that they name.
//!
//! A login is looked for in the files in order; in a file by the helper for that registry, then among the logins it
//! holds (those for a part of a registry before those for all of it), then by the helper for all registries.
//!
//! Invariants: a helper is run from an absolute folder only, never from the current one; a secret is handed over in a
//! pipe, never as an argument.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// What shows who the user is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// User and password.
    Basic { user: String, password: String },
    /// A refresh token, to be exchanged for access tokens.
    Identity(String),
    /// An access token.
    Bearer(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(secret)")
    }
}

/// The largest answer of a helper, and the largest file of logins.
const LIMIT_BYTES: u64 = 1 << 20;

/// What Docker Hub's login is filed under.
const HUB_KEYS: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];

/// What docker gives to helpers as the address of Docker Hub.
const HUB_SERVER: &str = "https://index.docker.io/v1/";

/// A file of logins.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginFile {
    #[serde(default)]
    auths: BTreeMap<String, Login>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
struct Login {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// The answer of a helper.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

/// Finds the login for a repository (`host[:port]/path`). `helper_folders`: where helpers may be (the user's PATH).
pub(crate) fn find(
    files: &[PathBuf],
    helper_folders: &[PathBuf],
    registry: &str,
    repository: &str,
) -> Result<Option<Credential>, String> {
    for file in files {
        let Some(logins) = read(file)? else { continue };
        if let Some(credential) = logins.find(helper_folders, registry, repository)? {
            return Ok(Some(credential));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Option<LoginFile>, String> {
    let error = |reason: String| format!("{}: {reason}", path.display());
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(error(cause.to_string())),
    };
    let mut text = Vec::new();
    file.take(LIMIT_BYTES).read_to_end(&mut text).map_err(|cause| error(cause.to_string()))?;
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&text).map(Some).map_err(|cause| error(cause.to_string()))
}

impl LoginFile {
    fn find(
        &self,
        helper_folders: &[PathBuf],
        registry: &str,
        repository: &str,
    ) -> Result<Option<Credential>, String> {
        let server = if registry == "docker.io" { HUB_SERVER } else { registry };
        let keys = keys(registry, repository);
        let helper = self.cred_helpers.iter().find(|(key, _)| keys.contains(&host_of(key)));
        if let Some((_, helper)) = helper {
            return ask_helper(helper, helper_folders, server);
        }
        let own = keys.iter().find_map(|key| {
            self.auths
                .iter()
                .filter(|(name, _)| host_of(name) == *key)
                .find_map(|(_, login)| login.credential())
        });
        match (own, &self.creds_store) {
            (Some(credential), _) => Ok(Some(credential)),
            (None, Some(helper)) if !helper.is_empty() => ask_helper(helper, helper_folders, server),
            (None, _) => Ok(None),
        }
    }
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

/// Under what a login may be filed: `host/a/b`, `host/a`, `host`; Docker Hub has several hosts.
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

/// The key without what older programs put around the host.
fn host_of(key: &str) -> String {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key).to_owned()
}

/// Runs `docker-credential-<name> get`.
///
/// Source: docker/docker-credential-helpers, "Development".
fn ask_helper(name: &str, folders: &[PathBuf], server: &str) -> Result<Option<Credential>, String> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(valid) {
        return Err(format!("{name:?} is not the name of a credential helper"));
    }
    let program = format!("docker-credential-{name}");
    let path = folders
        .iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&program))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("{program} is not installed"))?;
    let (succeeded, output) = run(&path, server).map_err(|cause| format!("{program}: {cause}"))?;
    if !succeeded {
        let text = String::from_utf8_lossy(&output);
        // The helpers' way to say that there is none.
        let none = text.contains("credentials not found") || text.trim().is_empty();
        return if none { Ok(None) } else { Err(format!("{program}: {}", text.trim())) };
    }
    let answer: HelperAnswer =
        serde_json::from_slice(&output).map_err(|_| format!("{program} gave no valid answer"))?;
    Ok(Some(match answer.username.as_str() {
        "<token>" => Credential::Identity(answer.secret),
        _ => Credential::Basic { user: answer.username, password: answer.secret },
    }))
}

fn run(program: &Path, input: &str) -> std::io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read tells more by its exit status than by the broken pipe.
        let _ = stdin.write_all(input.as_bytes());
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LIMIT_BYTES).read_to_end(&mut output)?;
    }
    Ok((child.wait()?.success(), output))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn basic(user: &str, password: &str) -> Option<Credential> {
        Some(Credential::Basic { user: user.to_owned(), password: password.to_owned() })
    }

    fn auth(login: &str) -> String {
        format!(r#"{{"auth":"{}"}}"#, STANDARD.encode(login))
    }

    struct Files {
        dir: tempfile::TempDir,
    }

    impl Files {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().expect("temporary folder") }
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.dir.path().join(name);
            std::fs::write(&path, text).expect("write");
            path
        }

        fn helper(&self, name: &str, script: &str) -> PathBuf {
            let path = self.file(&format!("docker-credential-{name}"), &format!("#!/bin/sh\n{script}\n"));
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("chmod");
            self.dir.path().to_owned()
        }
    }

    #[test]
    fn logins_are_found_under_any_key() {
        #[track_caller]
        fn check(key: &str, registry: &str, repository: &str, found: bool) {
            let files = Files::new();
            let config = files.file("config.json", &format!(r#"{{"auths":{{"{key}":{}}}}}"#, auth("u:p:q")));
            let credential = find(&[config], &[], registry, repository).expect("readable");
            assert_eq!(credential, if found { basic("u", "p:q") } else { None }, "{key} for {registry}");
        }
        check("https://index.docker.io/v1/", "docker.io", "library/x", true);
        check("docker.io", "docker.io", "library/x", true);
        check("r.example", "r.example", "a/b", true);
        check("https://r.example/v2/", "r.example", "a/b", true);
        check("r.example/a", "r.example", "a/b", true);
        check("r.example/a/b", "r.example", "a/b", true);
        check("r.example/c", "r.example", "a/b", false);
        check("r.example", "r.example:5000", "a", false);
        check("evil.example", "r.example", "a", false);
    }

    #[test]
    fn the_narrower_login_and_the_earlier_file_win() {
        let files = Files::new();
        let first = files
            .file("auth.json", &format!(r#"{{"auths":{{"r":{},"r/a":{}}}}}"#, auth("all:1"), auth("some:2")));
        let second = files.file("config.json", &format!(r#"{{"auths":{{"r":{}}}}}"#, auth("later:3")));
        let missing = files.dir.path().join("missing.json");
        let found = find(&[missing, first, second], &[], "r", "a/b").expect("readable");
        assert_eq!(found, basic("some", "2"));
    }

    #[test]
    fn tokens_are_told_apart() {
        let files = Files::new();
        let text = r#"{"auths":{"i":{"auth":"Og==","identitytoken":"I"},"b":{"registrytoken":"B"},"e":{}}}"#;
        let config = [files.file("config.json", text)];
        let of = |registry| find(&config, &[], registry, "x").expect("readable");
        assert_eq!(of("i"), Some(Credential::Identity("I".to_owned())));
        assert_eq!(of("b"), Some(Credential::Bearer("B".to_owned())));
        assert_eq!(of("e"), None);
    }

    #[test]
    fn helpers_are_asked() {
        #[track_caller]
        fn check(script: &str, expected: Result<Option<Credential>, &str>) {
            let files = Files::new();
            let folder = files.helper("test", script);
            let config = files.file("config.json", r#"{"auths":{"r":{}},"credsStore":"test"}"#);
            match (find(&[config], &[folder], "r", "x"), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                (found, expected) => panic!("{found:?}, not {expected:?}"),
            }
        }
        check(r#"read s; echo "{\"Username\":\"$s\",\"Secret\":\"s\"}""#, Ok(basic("r", "s")));
        check(
            r#"echo '{"Username":"<token>","Secret":"T"}'"#,
            Ok(Some(Credential::Identity("T".to_owned()))),
        );
        check("echo credentials not found in native keychain; exit 1", Ok(None));
        check("echo locked; exit 1", Err("locked"));
        check("echo nonsense", Err("no valid answer"));
    }

    #[test]
    fn helpers_come_from_absolute_folders_only() {
        let files = Files::new();
        let config = files.file("config.json", r#"{"credHelpers":{"r":"../evil","s":"absent"}}"#);
        let error = find(std::slice::from_ref(&config), &[".".into()], "r", "x").expect_err("a bad name");
        assert!(error.contains("not the name"), "{error}");
        let error = find(&[config], &[".".into()], "s", "x").expect_err("nothing there");
        assert!(error.contains("not installed"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let files = Files::new();
        let config = files.file("config.json", "{");
        assert!(find(&[config], &[], "r", "x").is_err());
    }
}
