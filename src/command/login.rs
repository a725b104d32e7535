//! `dsbuild login`: tries a login at its registry, and keeps it where docker and podman find it.

use std::io::Read;

use registry::login::{KeptIn, Login};
use registry::{Client, RegistryError};

use crate::failure::Failure;
use crate::output::{self, Stream};
use crate::setup::{prompt, registry as connection};
use cli::registry::LoginArgs;

/// Longest password that is read from stdin.
const MAX_PASSWORD_BYTES: u64 = 64 << 10;

/// Logs in with the given login, with the kept one, or with a login that the user types.
pub fn run(args: &LoginArgs) -> Result<u8, Failure> {
    let registry = server_name(args.server.as_deref());
    let client = connection::plain_client(&args.insecure_registries)?;
    let is_asked = args.username.is_none() && args.password.is_none() && !args.password_stdin;
    if is_asked && is_known(&client, &registry)? {
        output::line("Login Succeeded");
        return Ok(0);
    }
    let login = login(args, &registry)?;
    let kept = client.log_in(&registry, &login).map_err(|error| match error {
        RegistryError::BadLogin { .. } => Failure::from(error).hint(
            "check user and password; many registries take a personal access token in place of the password",
        ),
        error => Failure::from(error),
    })?;
    if let KeptIn::File(path) = kept {
        output::note(&format!(
            "note: the password is kept unencrypted in {}; a credential helper (credsStore) keeps it safer",
            path.display()
        ));
    }
    output::line("Login Succeeded");
    Ok(0)
}

/// Returns the registry as `host[:port]`, from a name or a URL. Docker Hub is the default.
pub fn server_name(server: Option<&str>) -> String {
    let server = server.unwrap_or_default().trim();
    let server = server.strip_prefix("https://").or_else(|| server.strip_prefix("http://")).unwrap_or(server);
    match server.split('/').next().unwrap_or_default() {
        "" | "docker.io" | "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => {
            "docker.io".to_owned()
        }
        host => host.to_ascii_lowercase(),
    }
}

/// Reports whether the login that is kept for the registry is accepted.
fn is_known(client: &Client, registry: &str) -> Result<bool, Failure> {
    if !client.has_login(registry)? {
        return Ok(false);
    }
    output::note("Authenticating with existing credentials...");
    let is_valid = client.has_valid_login(registry)?;
    if !is_valid {
        output::note("note: the registry does not accept them any more");
    }
    Ok(is_valid)
}

/// Returns the login from the flags, from stdin or from the terminal.
fn login(args: &LoginArgs, registry: &str) -> Result<Login, Failure> {
    if args.password_stdin {
        let user = args.username.clone().filter(|user| !user.is_empty());
        let user = user.ok_or_else(|| Failure::usage("--password-stdin needs --username"))?;
        return Ok(Login { user, password: password_of_stdin()? });
    }
    if args.password.is_some() {
        output::note("warning: a password on the command line is visible to others; use --password-stdin");
    }
    let user = match &args.username {
        Some(user) => user.clone(),
        None => prompt::line(&format!("Username for {registry}: "))?,
    };
    let password = match &args.password {
        Some(password) => password.clone(),
        None => prompt::secret("Password: ")?,
    };
    if user.is_empty() || password.is_empty() {
        return Err(Failure::usage("user and password must not be empty"));
    }
    Ok(Login { user, password })
}

/// Reads a password from stdin, without the line end that `echo` adds.
fn password_of_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_PASSWORD_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("cannot read the password from stdin: {error}")))?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        let from = if Stream::Stdout.is_terminal() { "" } else { " from the pipe" };
        return Err(Failure::usage(format!("no password came{from} on stdin"))
            .hint("for example: dsbuild login -u USER --password-stdin REGISTRY < token.txt"));
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_however_it_is_written() {
        let check = |server: &str, expected: &str| assert_eq!(server_name(Some(server)), expected);
        check("ghcr.io", "ghcr.io");
        check("https://ghcr.io/", "ghcr.io");
        check("http://127.0.0.1:5001/v2/", "127.0.0.1:5001");
        check("reg.example/team", "reg.example");
        check("https://index.docker.io/v1/", "docker.io");
        check("", "docker.io");
        assert_eq!(server_name(None), "docker.io");
    }
}
