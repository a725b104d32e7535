//! Changing a file of logins, as `docker login` and `podman login` do.
//!
//! A login goes to the helper that the file names for its registry (`credHelpers`), else to the helper for all
//! (`credsStore`), else into the file itself. Everything else in the file stays as it is: docker keeps its other settings
//! there.
//!
//! Invariants: the file is replaced by a rename, with mode 0600 whatever it had before, so that a reader finds the old file
//! or the new one. A file that is not valid JSON is never replaced. Two processes that change a file take turns, by a
//! lock on its directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use serde_json::{Map, Value, json};

use super::credential::CredentialError;
use super::credential_files::{is_key_of, read_text, server_key};
use super::credential_helper;
use crate::cancel::Cancellation;

/// Place where a login is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptIn {
    /// A file, in which anybody who can read it finds the password.
    File(PathBuf),
    /// The credential helper of this name, such as `pass`.
    Helper(String),
}

/// A file of logins that can be changed.
pub(crate) struct LoginFile<'a> {
    /// Path of the file, which need not exist.
    pub path: &'a Path,
    /// Folders where credential helpers are looked for.
    pub helper_folders: &'a [PathBuf],
    pub cancel: &'a Cancellation,
}

impl LoginFile<'_> {
    /// Keeps the login of a user for `registry`.
    pub fn keep(&self, registry: &str, user: &str, password: &str) -> Result<KeptIn, CredentialError> {
        let server = server_key(registry);
        let draft = FileDraft::open(self.path)?;
        let helper = helper_of(&draft.settings, registry);
        let entry = match &helper {
            Some(helper) => {
                let login = (server, user, password);
                credential_helper::keep(helper, self.helper_folders, login, self.cancel)?;
                // Docker lists the registries whose logins the helper has by an empty entry.
                json!({})
            }
            None => json!({ "auth": STANDARD.encode(format!("{user}:{password}")) }),
        };
        draft.with_auths(|auths| {
            auths.retain(|key, _| !is_key_of(key, registry));
            auths.insert(server.to_owned(), entry);
        })?;
        Ok(helper.map_or_else(|| KeptIn::File(self.path.to_owned()), KeptIn::Helper))
    }

    /// Forgets the login for `registry`; returns whether there was one.
    pub fn forget(&self, registry: &str) -> Result<bool, CredentialError> {
        if read_text(self.path).map_err(CredentialError::Failed)?.is_none() {
            return Ok(false);
        }
        let draft = FileDraft::open(self.path)?;
        let mut had = false;
        if let Some(helper) = helper_of(&draft.settings, registry) {
            let server = server_key(registry);
            had = credential_helper::forget(&helper, self.helper_folders, server, self.cancel)?;
        }
        let is_listed = draft.auths().is_some_and(|auths| auths.keys().any(|key| is_key_of(key, registry)));
        if is_listed {
            draft.with_auths(|auths| auths.retain(|key, _| !is_key_of(key, registry)))?;
        }
        Ok(had || is_listed)
    }
}

/// Returns the name of the helper that a file names for `registry`.
fn helper_of(settings: &Map<String, Value>, registry: &str) -> Option<String> {
    let helpers = settings.get("credHelpers").and_then(Value::as_object);
    let own = helpers.and_then(|helpers| helpers.iter().find(|(key, _)| is_key_of(key, registry)));
    let helper = own.map(|(_, helper)| helper).or_else(|| settings.get("credsStore"));
    helper.and_then(Value::as_str).filter(|helper| !helper.is_empty()).map(str::to_owned)
}

/// The content of a file, while no other process of dsbuild changes it.
struct FileDraft {
    /// Path with symlinks followed: the file that they lead to is replaced, not the link.
    path: PathBuf,
    directory: File,
    settings: Map<String, Value>,
}

impl FileDraft {
    fn open(path: &Path) -> Result<Self, CredentialError> {
        let failed = |error: io::Error| CredentialError::Failed(format!("{}: {error}", path.display()));
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
        let directory = File::open(parent).map_err(failed)?;
        rustix::fs::flock(&directory, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let settings = match read_text(&path).map_err(CredentialError::Failed)? {
            Some(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into()))?,
            None => Map::new(),
        };
        Ok(Self { path, directory, settings })
    }

    fn auths(&self) -> Option<&Map<String, Value>> {
        self.settings.get("auths")?.as_object()
    }

    /// Changes the logins and replaces the file.
    fn with_auths(mut self, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), CredentialError> {
        let auths = self.settings.entry("auths").or_insert_with(|| json!({}));
        if auths.is_null() {
            *auths = json!({});
        }
        let unusable = || CredentialError::Failed(format!("{}: auths is no object", self.path.display()));
        change(auths.as_object_mut().ok_or_else(unusable)?);
        self.write().map_err(|error| CredentialError::Failed(format!("{}: {error}", self.path.display())))
    }

    fn write(&self) -> io::Result<()> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidFilename);
        let name = self.path.file_name().and_then(|name| name.to_str()).ok_or_else(invalid)?;
        let aside = format!(".{name}.{}", std::process::id());
        let mut text = serde_json::to_vec_pretty(&self.settings).map_err(io::Error::other)?;
        text.push(b'\n');
        // A process that was killed can have left a file of this name.
        let _ = rustix::fs::unlinkat(&self.directory, &*aside, AtFlags::empty());
        let written = self
            .write_aside(&aside, &text)
            .and_then(|()| Ok(rustix::fs::renameat(&self.directory, &*aside, &self.directory, name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.directory, &*aside, AtFlags::empty());
        }
        written
    }

    fn write_aside(&self, name: &str, text: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = File::from(rustix::fs::openat(&self.directory, name, flags, mode)?);
        if let Ok(before) = self.path.metadata() {
            // Root who logs in on behalf of a user leaves the file to the user. Where that fails, it is root's.
            drop(std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid())));
        }
        file.write_all(text)?;
        file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Runs `work` on a file with `text`; returns what the file holds then.
    fn after(text: Option<&str>, work: impl FnOnce(&LoginFile<'_>)) -> String {
        let directory = tempfile::tempdir().expect("temporary folder");
        let path = directory.path().join("new/config.json");
        if let Some(text) = text {
            fs::create_dir(directory.path().join("new")).expect("a folder");
            fs::write(&path, text).expect("write");
        }
        work(&LoginFile { path: &path, helper_folders: &[], cancel: &Cancellation::default() });
        let names: Vec<_> = fs::read_dir(directory.path().join("new")).expect("a folder").collect();
        assert_eq!(names.len(), 1, "{names:?}");
        fs::read_to_string(&path).expect("a file")
    }

    #[track_caller]
    fn check(before: &str, work: impl FnOnce(&LoginFile<'_>), expected: Value) {
        let found: Value = serde_json::from_str(&after(Some(before), work)).expect("JSON");
        assert_eq!(found, expected, "{before}");
    }

    fn keep(file: &LoginFile<'_>) {
        file.keep("r:5000", "u", "p:q").expect("kept");
    }

    #[test]
    fn a_file_is_made_for_its_user_alone() {
        let text = after(None, |file| {
            assert_eq!(file.keep("r:5000", "u", "p").expect("kept"), KeptIn::File(file.path.to_owned()));
            assert_eq!(file.path.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        });
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")["auths"]["r:5000"]["auth"], "dTpw");
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        after(Some("{}"), |file| {
            fs::set_permissions(file.path, PermissionsExt::from_mode(0o644)).expect("chmod");
            keep(file);
            assert_eq!(file.path.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        });
    }

    #[test]
    fn everything_else_in_the_file_stays() {
        let login = json!({"auth": "dTpwOnE="});
        check(
            r#"{"proxies":{"default":{}},"auths":{"q":{"auth":"x"}}}"#,
            keep,
            json!({"proxies": {"default": {}}, "auths": {"q": {"auth": "x"}, "r:5000": login}}),
        );
        check(r#"{"auths":null}"#, keep, json!({"auths": {"r:5000": login}}));
        check(r#"{"auths":{"https://r:5000/v2/":{"auth":"x"}}}"#, keep, json!({"auths": {"r:5000": login}}));
    }

    #[test]
    fn the_login_for_docker_hub_has_docker_s_key() {
        let hub = |file: &LoginFile<'_>| drop(file.keep("docker.io", "u", "p").expect("kept"));
        let expected = json!({"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}});
        check(r#"{"auths":{"docker.io":{"auth":"x"}}}"#, hub, expected);
    }

    #[test]
    fn a_login_is_forgotten_under_every_key() {
        check(
            r#"{"auths":{"r:5000":{"auth":"x"},"https://r:5000":{},"r":{"auth":"y"}},"x":1}"#,
            |file| assert!(file.forget("r:5000").expect("forgotten")),
            json!({"auths": {"r": {"auth": "y"}}, "x": 1}),
        );
        check(r#"{"auths":{}}"#, |file| assert!(!file.forget("r").expect("read")), json!({"auths": {}}));
    }

    #[test]
    fn a_damaged_file_is_left_alone() {
        let text = after(Some("{ not JSON"), |file| {
            let error = file.keep("r", "u", "p").expect_err("damaged");
            assert!(error.to_string().contains("config.json"), "{error}");
        });
        assert_eq!(text, "{ not JSON");
    }

    #[test]
    fn a_helper_that_is_named_and_not_installed_is_an_error() {
        let text = after(Some(r#"{"credsStore":"absent"}"#), |file| {
            let error = file.keep("r", "u", "p").expect_err("no helper");
            assert_eq!(error.to_string(), "docker-credential-absent is not installed");
        });
        assert_eq!(text, r#"{"credsStore":"absent"}"#);
    }

    #[test]
    fn a_symlink_stays_and_its_target_is_replaced() {
        let directory = tempfile::tempdir().expect("temporary folder");
        let (link, target) = (directory.path().join("config.json"), directory.path().join("real.json"));
        fs::write(&target, "{}").expect("write");
        std::os::unix::fs::symlink(&target, &link).expect("link");
        keep(&LoginFile { path: &link, helper_folders: &[], cancel: &Cancellation::default() });
        assert!(link.is_symlink());
        assert!(fs::read_to_string(&target).expect("a file").contains("dTpwOnE="));
    }
}
