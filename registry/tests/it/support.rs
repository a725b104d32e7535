//! Clients, names, documents and logins for the tests.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use oci::{Descriptor, Digest, Reference, media_type};
use registry::{Client, Options, Patience};

use crate::server::{Answer, Request, Server};

/// Content of the layer that servers have.
pub const LAYER: &[u8] = b"the bytes of a layer, some more of them than fit into a word";

/// Login `user:secret`, as an entry of `auths`.
pub const USER: &str = r#"{"auth":"dXNlcjpzZWNyZXQ="}"#;

/// Value of `Authorization` for [`USER`].
pub const USER_HEADER: &str = "Basic dXNlcjpzZWNyZXQ=";

/// Options of a client that loses its patience within the time of a test.
pub fn options() -> Options {
    let patience = Patience {
        attempts: 3,
        pause: Duration::from_millis(1),
        connect: Duration::from_secs(5),
        stall: Duration::from_millis(500),
        ..Patience::default()
    };
    Options { patience, ..Options::default() }
}

/// Options that differ from [`options`] in the number of attempts.
pub fn options_with(attempts: u32) -> Options {
    Options { patience: Patience { attempts, ..options().patience }, ..options() }
}

/// A client with [`options`].
pub fn client() -> Client {
    Client::new(options())
}

/// The image `a/b:t` of a server.
pub fn name(server: &Server) -> Reference {
    named(&server.host())
}

/// The image `a/b:t` of a host.
pub fn named(host: &str) -> Reference {
    format!("{host}/a/b:t").parse().expect("a reference")
}

/// The descriptor of [`LAYER`].
pub fn layer() -> Descriptor {
    Descriptor::new(media_type::LAYER_TAR, Digest::of(LAYER), LAYER.len() as u64)
}

/// A manifest with [`LAYER`] in it.
pub fn manifest() -> Vec<u8> {
    let config = Descriptor::new(media_type::CONFIG, Digest::of(b"{}"), 2);
    serde_json::to_vec(&oci::Manifest::new(config, vec![layer()])).expect("JSON")
}

/// Pulls [`LAYER`] from a server; the error is its message.
pub fn pull_blob(client: &Client, server: &Server) -> Result<Vec<u8>, String> {
    let mut stream = client.blob(&name(server), &layer()).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A file with a login; it is removed when dropped.
pub struct Login {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

/// Writes `entry` as the login for `host` into a file.
pub fn login(host: &str, entry: &str) -> Login {
    let directory = tempfile::tempdir().expect("temporary folder");
    let path = directory.path().join("config.json");
    std::fs::write(&path, format!(r#"{{"auths":{{"{host}":{entry}}}}}"#)).expect("write");
    Login { _directory: directory, path }
}

/// A client with a login.
pub fn client_with(login: &Login) -> Client {
    Client::new(Options { credential_files: vec![login.path.clone()], ..options() })
}

/// Answers with `then` if the request has the login [`USER`], and else asks for a login.
pub fn basic_only(request: &Request, then: impl Fn() -> Answer) -> Answer {
    match request.header("authorization") {
        Some(USER_HEADER) => then(),
        _ => Answer::new(401, "").with("WWW-Authenticate", "Basic realm=\"r\""),
    }
}

/// Asks for a token of `/token` on the same server; `more` is appended to the challenge.
pub fn asks_for_token(request: &Request, more: &str) -> Answer {
    let host = request.header("host").unwrap_or_default();
    Answer::new(401, "").with("WWW-Authenticate", &format!("Bearer realm=\"http://{host}/token\"{more}"))
}
