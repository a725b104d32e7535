//! TLS: which servers are trusted, and what they are shown.
//!
//! Servers are asked as `[::ffff:127.0.0.1]`: the client verifies them there, and does not where it knows this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use registry::web::{Get, Page};
use registry::{Client, Options, RegistryError};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::server::{Answer, Server};
use crate::support::{asks_for_token, client, manifest, named, options};

const NAME: &str = "[::ffff:127.0.0.1]";

/// Returns the path of a file in `tests/it/tls`, which `make.sh` there makes.
pub fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls").join(file)
}

fn certificates(file: &str) -> Vec<CertificateDer<'static>> {
    let found = CertificateDer::pem_file_iter(fixture(file)).expect("readable");
    found.collect::<Result<_, _>>().expect("certificates")
}

fn key(file: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(fixture(file)).expect("a key")
}

/// Configuration of a server with the certificate `NAME.crt`.
pub fn server(name: &str) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let chain = certificates(&format!("{name}.crt"));
    Arc::new(config.with_single_cert(chain, key(&format!("{name}.key"))).expect("a pair"))
}

/// Configuration of a server that lets in only clients with a certificate of the test authority.
fn server_for_clients() -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ca.crt"));
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"));
    Arc::new(config.with_single_cert(certificates("server.crt"), key("server.key")).expect("a pair"))
}

fn has_manifest(config: Arc<ServerConfig>) -> Server {
    Server::start_tls(config, |_, _| Answer::new(200, manifest()))
}

/// A `certs.d` folder with `files` (name in it, name of the fixture) for `registry`.
struct CertificateFolder(tempfile::TempDir);

impl CertificateFolder {
    fn new(registry: &str, files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("temporary folder");
        let folder = directory.path().join(registry);
        std::fs::create_dir(&folder).expect("a folder");
        for (name, file) in files {
            std::fs::copy(fixture(file), folder.join(name)).expect("a copy");
        }
        Self(directory)
    }

    fn client(&self) -> Client {
        let missing = self.0.path().join("missing");
        let certificate_folders = vec![missing, self.0.path().to_owned()];
        Client::new(Options { certificate_folders, ..options() })
    }
}

/// Asks a server with the certificate `name`, trusting what `authority` holds; expects success, or part of an error.
#[track_caller]
fn check(name: &str, authority: &str, expected: Result<(), &str>) {
    let server = has_manifest(self::server(name));
    let host = server.host_as(NAME);
    let folder = CertificateFolder::new(&host, &[("any.crt", authority)]);
    match (folder.client().manifest(&named(&host)), expected) {
        (Ok(_), Ok(())) => {}
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (result, expected) => panic!("{result:?}, not {expected:?}"),
    }
}

#[test]
fn an_authority_in_certs_d_is_trusted() {
    check("server", "ca.crt", Ok(()));
}

#[test]
fn a_server_whose_own_certificate_is_trusted_can_be_an_authority() {
    check("own", "own.crt", Ok(()));
}

#[test]
fn a_certificate_that_is_not_trusted_is_refused() {
    check("server", "own.crt", Err("no known authority issued it"));
    check("own", "ca.crt", Err("no known authority issued it"));
}

#[test]
fn a_trusted_certificate_for_another_name_is_refused() {
    check("other", "other.crt", Err("not valid for name"));
}

#[test]
fn a_trusted_certificate_that_has_expired_is_refused() {
    check("expired", "expired.crt", Err("expired"));
}

#[test]
fn certs_d_of_another_registry_does_not_count() {
    let server = has_manifest(self::server("server"));
    let folder = CertificateFolder::new("other.example", &[("ca.crt", "ca.crt")]);
    let error = folder.client().manifest(&named(&server.host_as(NAME))).expect_err("not trusted");
    assert!(error.to_string().contains("no known authority"), "{error}");
}

#[test]
fn a_certificate_that_is_not_trusted_is_not_tried_again() {
    let server = has_manifest(self::server("server"));
    let started = Instant::now();
    let client = Client::new(Options::default());
    let error = client.manifest(&named(&server.host_as(NAME))).expect_err("not trusted");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert_eq!(server.connections(), 1);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_client_certificate_is_shown_to_its_registry() {
    let server = has_manifest(server_for_clients());
    let host = server.host_as(NAME);
    let files = [("ca.crt", "ca.crt"), ("me.cert", "client.crt"), ("me.key", "client.key")];
    CertificateFolder::new(&host, &files).client().manifest(&named(&host)).expect("let in");
}

#[test]
fn without_a_client_certificate_a_server_that_wants_one_refuses() {
    let server = has_manifest(server_for_clients());
    let host = server.host_as(NAME);
    let folder = CertificateFolder::new(&host, &[("ca.crt", "ca.crt")]);
    let error = folder.client().manifest(&named(&host)).expect_err("not let in");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
}

#[test]
fn a_client_certificate_is_not_shown_to_other_servers() {
    let tokens = Server::start_tls(server_for_clients(), |_, _| Answer::new(200, r#"{"token":"T"}"#));
    let realm = format!("Bearer realm=\"https://{}/token\"", tokens.host_as(NAME));
    let server = Server::start_tls(self::server("server"), move |_, _| {
        Answer::new(401, "").with("WWW-Authenticate", &realm)
    });
    let host = server.host_as(NAME);
    let files = [("ca.crt", "ca.crt"), ("me.cert", "client.crt"), ("me.key", "client.key")];
    let error =
        CertificateFolder::new(&host, &files).client().manifest(&named(&host)).expect_err("not shown");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
}

#[test]
fn the_authorities_of_a_registry_count_for_its_token_server() {
    let tokens = Server::start_tls(self::server("server"), |_, _| Answer::new(200, r#"{"token":"T"}"#));
    let realm = format!("Bearer realm=\"https://{}/token\"", tokens.host_as(NAME));
    let server =
        Server::start_tls(self::server("server"), move |request, _| match request.header("authorization") {
            Some("Bearer T") => Answer::new(200, manifest()),
            _ => Answer::new(401, "").with("WWW-Authenticate", &realm),
        });
    let host = server.host_as(NAME);
    let folder = CertificateFolder::new(&host, &[("ca.crt", "ca.crt")]);
    folder.client().manifest(&named(&host)).expect("allowed");
}

#[test]
fn an_insecure_registry_does_not_make_its_token_server_insecure() {
    let tokens = Server::start_tls(self::server("server"), |_, _| Answer::new(200, r#"{"token":"T"}"#));
    let realm = format!("Bearer realm=\"https://{}/token\"", tokens.host_as(NAME));
    let server = Server::start_tls(self::server("server"), move |_, _| {
        Answer::new(401, "").with("WWW-Authenticate", &realm)
    });
    let host = server.host_as(NAME);
    let insecure = vec![host.clone()];
    let error = Client::new(Options { insecure, ..options() }).manifest(&named(&host)).expect_err("verified");
    assert!(error.to_string().contains("no known authority"), "{error}");
}

#[test]
fn a_file_in_certs_d_that_cannot_be_used_is_named() {
    let server = has_manifest(self::server("server"));
    let host = server.host_as(NAME);
    let folder = CertificateFolder::new(&host, &[("ca.crt", "server.key")]);
    let error = folder.client().manifest(&named(&host)).expect_err("no certificate");
    assert!(error.to_string().contains("ca.crt: it has no PEM certificate"), "{error}");
}

#[test]
fn tokens_are_fetched_by_tls_on_this_machine() {
    let server = Server::start_tls(self::server("own"), |request, _| {
        if request.path.starts_with("/token") {
            return Answer::new(200, r#"{"token":"T"}"#);
        }
        match request.header("authorization") {
            Some("Bearer T") => Answer::new(200, manifest()),
            // A registry behind TLS that does not know it names its token server by plain HTTP.
            _ => asks_for_token(request, ""),
        }
    });
    let error = client().manifest(&named(&server.host())).expect_err("weaker");
    assert!(error.to_string().contains("it sends for a token to \"http://"), "{error}");
}

/// Variable by which a test that runs itself anew tells the new process the server to ask.
const HOST_VARIABLE: &str = "TEST_TLS_HOST";

/// Runs the test `name` of this program in a new process with `SSL_CERT_FILE`, since a test cannot set variables.
fn rerun(name: &str, host: &str, file: &str) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["--exact", name, "--nocapture"]);
    command.env("SSL_CERT_FILE", fixture(file)).env(HOST_VARIABLE, host);
    let output = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn ssl_cert_file_names_the_authorities() {
    let Ok(host) = std::env::var(HOST_VARIABLE) else {
        let server = has_manifest(self::server("server"));
        rerun("tls::ssl_cert_file_names_the_authorities", &server.host_as(NAME), "ca.crt");
        return;
    };
    client().manifest(&named(&host)).expect("trusted");
}

#[test]
fn ssl_cert_file_can_be_the_certificate_of_the_server_itself() {
    let Ok(host) = std::env::var(HOST_VARIABLE) else {
        let server = has_manifest(self::server("own"));
        let name = "tls::ssl_cert_file_can_be_the_certificate_of_the_server_itself";
        rerun(name, &server.host_as(NAME), "own.crt");
        return;
    };
    client().manifest(&named(&host)).expect("trusted");
    let url = format!("https://{host}/f");
    let page = client().web().get(&Get { url: &url, authorization: None, etag: None });
    assert!(matches!(page, Ok(Page::File { .. })), "files by HTTP trust the same authorities");
}
