//! Credential helpers: programs `docker-credential-NAME` that keep the user's logins.
//!
//! Invariants: a helper is run from an absolute folder only, never from the current one; servers and logins are passed in a
//! pipe.
//! A helper can wait for the user, who unlocks a keychain: it has no time limit, but it can be canceled.
//!
//! Source: docker/docker-credential-helpers, "Development".

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Deserialize;

use super::credential::{Credential, CredentialError};
use crate::cancel::{Cancellation, SLICE};

/// Largest answer of a helper.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Pause between two looks at a helper that has answered and not ended yet.
const EXIT_PAUSE: Duration = Duration::from_millis(5);

/// Answer of a helper to `get`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

/// Asks the helper `name`, looked for in `folders`, for the login to `server`; `None` if it has none.
pub(crate) fn ask(
    name: &str,
    folders: &[PathBuf],
    server: &str,
    cancel: &Cancellation,
) -> Result<Option<Credential>, CredentialError> {
    let helper = CredentialHelper::find(name, folders)?;
    let Some(output) = helper.call("get", server, cancel)? else { return Ok(None) };
    let answer: HelperAnswer =
        serde_json::from_slice(&output).map_err(|_| helper.failed("gave no valid answer"))?;
    Ok(Some(match answer.username.as_str() {
        "<token>" => Credential::Identity(answer.secret),
        _ => Credential::Basic { user: answer.username, password: answer.secret },
    }))
}

/// Gives the login to `server` to the helper `name`, which keeps it.
pub(crate) fn keep(
    name: &str,
    folders: &[PathBuf],
    (server, user, password): (&str, &str, &str),
    cancel: &Cancellation,
) -> Result<(), CredentialError> {
    let helper = CredentialHelper::find(name, folders)?;
    let login = serde_json::json!({ "ServerURL": server, "Username": user, "Secret": password });
    match helper.call("store", &login.to_string(), cancel)? {
        Some(_) => Ok(()),
        None => Err(helper.failed("did not keep the login")),
    }
}

/// Makes the helper `name` forget the login to `server`; returns whether it had one.
pub(crate) fn forget(
    name: &str,
    folders: &[PathBuf],
    server: &str,
    cancel: &Cancellation,
) -> Result<bool, CredentialError> {
    Ok(CredentialHelper::find(name, folders)?.call("erase", server, cancel)?.is_some())
}

/// A program that is installed.
struct CredentialHelper {
    /// Name of the program in errors.
    name: String,
    path: PathBuf,
}

impl CredentialHelper {
    fn find(name: &str, folders: &[PathBuf]) -> Result<Self, CredentialError> {
        let program = format!("docker-credential-{name}");
        let path = find(name, &program, folders).map_err(CredentialError::Failed)?;
        Ok(Self { name: program, path })
    }

    fn failed(&self, reason: &str) -> CredentialError {
        CredentialError::Failed(format!("{} {reason}", self.name))
    }

    /// Returns the output of an action; `None` if the helper says that it has no such login.
    fn call(
        &self,
        action: &str,
        input: &str,
        cancel: &Cancellation,
    ) -> Result<Option<Vec<u8>>, CredentialError> {
        let (succeeded, output) = run(&self.path, action, input, cancel).map_err(|error| match error {
            CredentialError::Failed(reason) => CredentialError::Failed(format!("{}: {reason}", self.name)),
            CredentialError::Canceled => CredentialError::Canceled,
        })?;
        if succeeded {
            return Ok(Some(output));
        }
        let text = String::from_utf8_lossy(&output);
        // This is how helpers say that they have no login.
        let has_none = text.contains("credentials not found") || text.trim().is_empty();
        let error = || CredentialError::Failed(format!("{}: {}", self.name, text.trim()));
        if has_none { Ok(None) } else { Err(error()) }
    }
}

fn find(name: &str, program: &str, folders: &[PathBuf]) -> Result<PathBuf, String> {
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(valid) {
        return Err(format!("{name:?} is not the name of a credential helper"));
    }
    let absolute = folders.iter().filter(|folder| folder.is_absolute());
    absolute
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("{program} is not installed"))
}

/// A running helper; it is killed if it is no longer waited for.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        // It has ended already, unless the request was canceled; there is nobody to report an error to.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs a helper; returns whether it succeeded, and its output.
fn run(
    program: &Path,
    action: &str,
    input: &str,
    cancel: &Cancellation,
) -> Result<(bool, Vec<u8>), CredentialError> {
    let failed = |error: io::Error| CredentialError::Failed(error.to_string());
    let mut command = Command::new(program);
    command.arg(action).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut helper = Helper(command.spawn().map_err(failed)?);
    if let Some(mut stdin) = helper.0.stdin.take() {
        // The exit status of a helper that does not read says more than the broken pipe.
        drop(stdin.write_all(input.as_bytes()));
    }
    let output = match helper.0.stdout.take() {
        Some(stdout) => read(stdout, cancel)?,
        None => Vec::new(),
    };
    loop {
        match helper.0.try_wait().map_err(failed)? {
            Some(status) => return Ok((status.success(), output)),
            None => cancel.sleep(EXIT_PAUSE)?,
        }
    }
}

/// Reads a helper's output to its end.
fn read(mut stdout: ChildStdout, cancel: &Cancellation) -> Result<Vec<u8>, CredentialError> {
    let failed = |error: io::Error| CredentialError::Failed(error.to_string());
    let slice = Timespec { tv_sec: 0, tv_nsec: SLICE.subsec_nanos().into() };
    let (mut output, mut chunk) = (Vec::new(), [0; 4096]);
    while (output.len() as u64) < MAX_ANSWER_BYTES {
        cancel.check()?;
        match poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&slice)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(failed(error.into())),
        }
        match stdout.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => output.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use super::*;

    /// Makes a helper `docker-credential-test` of a shell script, and requests from it the login to `r`.
    fn ask_script(script: &str, cancel: &Cancellation) -> Result<Option<Credential>, CredentialError> {
        let directory = tempfile::tempdir().expect("temporary folder");
        let path = directory.path().join("docker-credential-test");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("write");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("chmod");
        ask("test", &[directory.path().to_owned()], "r", cancel)
    }

    #[track_caller]
    fn check(script: &str, expected: Result<Option<Credential>, &str>) {
        let found = ask_script(script, &Cancellation::default()).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_helper_is_given_the_server_and_answers_with_a_login() {
        let login = Credential::Basic { user: "r".to_owned(), password: "s".to_owned() };
        check(r#"read s; echo "{\"Username\":\"$s\",\"Secret\":\"s\"}""#, Ok(Some(login)));
    }

    #[test]
    fn a_helper_can_answer_with_a_refresh_token() {
        let token = Credential::Identity("T".to_owned());
        check(r#"echo '{"Username":"<token>","Secret":"T"}'"#, Ok(Some(token)));
    }

    #[test]
    fn a_helper_without_a_login_is_no_error() {
        check("echo credentials not found in native keychain; exit 1", Ok(None));
    }

    #[test]
    fn a_helper_that_fails_is_an_error_in_its_own_words() {
        check("echo locked; exit 1", Err("docker-credential-test: locked"));
        check("echo nonsense", Err("docker-credential-test gave no valid answer"));
    }

    #[test]
    fn a_helper_is_given_a_login_to_keep_in_its_pipe_and_not_in_its_arguments() {
        let directory = tempfile::tempdir().expect("temporary folder");
        let (path, seen) = (directory.path().join("docker-credential-test"), directory.path().join("seen"));
        std::fs::write(&path, format!("#!/bin/sh\n(echo \"$*\"; cat) > {}\n", seen.display()))
            .expect("write");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("chmod");
        let folders = [directory.path().to_owned()];
        keep("test", &folders, ("r:5000", "me", "p\"w"), &Cancellation::default()).expect("kept");
        let expected = "store\n{\"Secret\":\"p\\\"w\",\"ServerURL\":\"r:5000\",\"Username\":\"me\"}";
        assert_eq!(std::fs::read_to_string(&seen).expect("written").trim_end(), expected);
        assert!(forget("test", &folders, "r:5000", &Cancellation::default()).expect("forgotten"));
        assert_eq!(std::fs::read_to_string(&seen).expect("written"), "erase\nr:5000");
    }

    #[test]
    fn a_helper_that_waits_can_be_canceled() {
        let started = Instant::now();
        let cancel = Cancellation::when(move || started.elapsed() > Duration::from_millis(300));
        assert_eq!(ask_script("exec sleep 60", &cancel), Err(CredentialError::Canceled));
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[test]
    fn a_name_with_a_path_in_it_is_refused() {
        let error =
            ask("../evil", &["/usr/bin".into()], "r", &Cancellation::default()).expect_err("a bad name");
        assert_eq!(error.to_string(), r#""../evil" is not the name of a credential helper"#);
    }

    #[test]
    fn helpers_are_not_run_from_the_current_folder() {
        let error = ask("test", &[".".into()], "r", &Cancellation::default()).expect_err("nothing there");
        assert_eq!(error.to_string(), "docker-credential-test is not installed");
    }
}
