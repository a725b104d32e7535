//! Redirects, tokens, limits, broken bodies: what a registry must not be able to do to us.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oci::{Descriptor, Digest, Reference, media_type};
use registry::{Client, Options, Patience, RegistryError};

use crate::server::{Answer, Request, Server};

pub const LAYER: &[u8] = b"the bytes of a layer, some more of them than fit into a word";

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

pub fn name(server: &Server) -> Reference {
    format!("{}/a/b:t", server.host()).parse().expect("a reference")
}

pub fn layer() -> Descriptor {
    Descriptor::new(media_type::LAYER_TAR, Digest::of(LAYER), LAYER.len() as u64)
}

fn manifest() -> Vec<u8> {
    let config = Descriptor::new(media_type::CONFIG, Digest::of(b"{}"), 2);
    serde_json::to_vec(&oci::Manifest::new(config, vec![layer()])).expect("JSON")
}

fn pull_blob(client: &Client, server: &Server) -> Result<Vec<u8>, String> {
    let mut stream = client.blob(&name(server), &layer()).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A login for `host` in a file.
pub struct Login {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

pub fn login(host: &str, entry: &str) -> Login {
    let dir = tempfile::tempdir().expect("temporary folder");
    let path = dir.path().join("config.json");
    std::fs::write(&path, format!(r#"{{"auths":{{"{host}":{entry}}}}}"#)).expect("write");
    Login { _dir: dir, path }
}

/// `user:secret`
pub const USER: &str = r#"{"auth":"dXNlcjpzZWNyZXQ="}"#;

pub fn client_with(login: &Login) -> Client {
    Client::new(Options { credential_files: vec![login.path.clone()], ..options() })
}

#[track_caller]
fn check_manifest(answer: Answer, expected: Result<&str, &str>) {
    let server = Server::start(move |_, _| answer.clone());
    let result = Client::new(options()).manifest(&name(&server));
    match (result, expected) {
        (Ok(raw), Ok(media_type)) => assert_eq!(raw.media_type, media_type),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (result, expected) => panic!("{result:?}, not {expected:?}"),
    }
}

#[test]
fn manifests_are_taken_by_their_bytes() {
    let typed = |body: &[u8], kind: &str| Answer::new(200, body).with("Content-Type", kind);
    let own = manifest();
    check_manifest(typed(&own, media_type::MANIFEST), Ok(media_type::MANIFEST));
    check_manifest(typed(&own, "application/json; charset=utf-8"), Ok(media_type::MANIFEST));
    check_manifest(typed(&own, media_type::INDEX), Err("announced"));
    check_manifest(
        typed(br#"{"schemaVersion":2,"manifests":[],"layers":[]}"#, "text/plain"),
        Err("ambiguous"),
    );
    check_manifest(
        typed(br#"{"schemaVersion":1}"#, "application/vnd.docker.distribution.manifest.v1+json"),
        Err("no container image"),
    );
    check_manifest(typed(b"<html>", "text/html"), Err("cannot be read"));
    let wrong = Digest::of(b"else").to_string();
    check_manifest(typed(&own, "").with("Docker-Content-Digest", &wrong), Err("was expected"));
    check_manifest(typed(&own, "").with("Docker-Content-Digest", "sha512:00"), Ok(media_type::MANIFEST));
    let twice = String::from_utf8(own).expect("text").replacen("\"layers\":", "\"layers\":[],\"layers\":", 1);
    check_manifest(typed(twice.as_bytes(), ""), Err("duplicate field"));
}

#[test]
fn a_pinned_manifest_must_have_its_digest() {
    let server = Server::start(|_, _| Answer::new(200, manifest()));
    let client = Client::new(options());
    let pinned = |digest| Reference { digest: Some(digest), ..name(&server) };
    client.manifest(&pinned(Digest::of(&manifest()))).expect("the right one");
    let error = client.manifest(&pinned(Digest::of(b"else"))).expect_err("the wrong one");
    assert!(error.to_string().contains("was expected"), "{error}");
    assert!(server.requests()[0].path.contains("/manifests/sha256:"), "asked for by digest");
}

#[test]
fn bodies_have_limits() {
    check_manifest(Answer::new(200, "").endless(), Err("more than 4194304 bytes"));
    check_manifest(Answer::new(400, "").endless(), Err("status 400"));
    let token = |host: &str| format!("Bearer realm=\"http://{host}/token\"");
    let server = Server::start(move |request, _| match request.path.starts_with("/token") {
        true => Answer::new(200, "").endless(),
        false => {
            Answer::new(401, "").with("WWW-Authenticate", &token(request.header("host").unwrap_or_default()))
        }
    });
    let error = Client::new(options()).manifest(&name(&server)).expect_err("endless token");
    assert!(error.to_string().contains("more than 65536 bytes"), "{error}");
}

#[test]
fn a_blob_is_its_bytes_or_an_error() {
    #[track_caller]
    fn check(answer: Answer, complaint: Option<&str>) {
        let server = Server::start(move |_, _| answer.clone());
        match (pull_blob(&Client::new(options()), &server), complaint) {
            (Ok(bytes), None) => assert_eq!(bytes, LAYER),
            (Err(error), Some(part)) => assert!(error.contains(part), "{error}"),
            (result, complaint) => panic!("{result:?}, not {complaint:?}"),
        }
    }
    let mut other = LAYER.to_vec();
    other[3] ^= 1;
    let size = LAYER.len() as u64;
    check(Answer::new(200, LAYER), None);
    check(Answer::new(200, other), Some("was expected"));
    check(Answer::new(200, &LAYER[1..]), Some("59 bytes where 60 were announced"));
    check(Answer::new(200, [LAYER, b"!"].concat()), Some("61 bytes where 60"));
    check(Answer::new(200, &LAYER[..9]).claiming(size), Some("broke off"));
    check(Answer::new(200, LAYER).endless(), Some("longer than"));
    check(Answer::new(200, LAYER).claiming(u64::MAX), Some("where 60 were announced"));
}

fn range_start(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

#[test]
fn a_broken_transfer_goes_on() {
    #[track_caller]
    fn check(rest: impl Fn(usize) -> Answer + Send + Sync + 'static, ok: bool) {
        let server = Server::start(move |request, _| match range_start(request) {
            None => Answer::new(200, &LAYER[..20]).claiming(LAYER.len() as u64),
            Some(start) => rest(start),
        });
        let result = pull_blob(&Client::new(options()), &server);
        assert_eq!(result.as_deref().ok(), ok.then_some(LAYER), "{result:?}");
        assert_eq!(range_start(&server.requests()[1]), Some(20));
    }
    let range = |start: usize| format!("bytes {start}-{}/{}", LAYER.len() - 1, LAYER.len());
    check(move |start| Answer::new(206, &LAYER[start..]).with("Content-Range", &range(start)), true);
    // The range is ignored: what is known already is skipped.
    check(|_| Answer::new(200, LAYER), true);
    check(move |start| Answer::new(206, &LAYER[start + 1..]).with("Content-Range", &range(start + 1)), false);
    check(|_| Answer::new(206, &LAYER[..40]), false);
    check(|_| Answer::new(416, ""), false);
    // Other bytes after the break.
    check(|start| Answer::new(200, [&LAYER[..start], &vec![b'x'; LAYER.len() - start]].concat()), false);
}

#[test]
fn what_may_pass_is_tried_again() {
    #[track_caller]
    fn check(status: u16, failures: usize, ok: bool, requests: usize) {
        let server = Server::start(move |_, count| match count < failures {
            true => Answer::new(status, "").with("Retry-After", "0"),
            false => Answer::new(200, manifest()),
        });
        let result = Client::new(options()).manifest(&name(&server));
        assert_eq!(result.is_ok(), ok, "{result:?}");
        let plain = server.requests().iter().filter(|request| request.method == "GET").count();
        assert_eq!(plain, requests, "after {failures} times {status}");
    }
    check(503, 2, true, 3);
    check(429, 1, true, 2);
    check(500, 9, false, 3);
    check(404, 9, false, 1);
    check(403, 9, false, 1);
    check(418, 9, false, 1);
}

#[test]
fn nobody_listens() {
    let server = Server::start(|_, _| Answer::default());
    let reference = name(&server);
    drop(server);
    let error = Client::new(options()).manifest(&reference).expect_err("nobody there");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
}

#[test]
fn a_server_that_stalls_is_given_up() {
    let server = Server::start(|_, _| {
        std::thread::sleep(Duration::from_secs(3));
        Answer::new(200, manifest())
    });
    let started = std::time::Instant::now();
    Client::new(Options { patience: Patience { attempts: 1, ..options().patience }, ..options() })
        .manifest(&name(&server))
        .expect_err("too slow");
    assert!(started.elapsed() < Duration::from_millis(2900), "{:?}", started.elapsed());
}

/// Asks for a login, and takes the one of [`USER`].
pub fn basic_only(request: &Request, then: impl Fn() -> Answer) -> Answer {
    match request.header("authorization") {
        Some("Basic dXNlcjpzZWNyZXQ=") => then(),
        _ => Answer::new(401, "").with("WWW-Authenticate", "Basic realm=\"r\""),
    }
}

#[test]
fn a_login_is_shown_when_asked_for() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, manifest())));
    client_with(&login(&server.host(), USER)).manifest(&name(&server)).expect("logged in");
    assert!(server.requests()[0].header("authorization").is_none(), "shown without being asked");
    let error = Client::new(options()).manifest(&name(&server)).expect_err("no login");
    assert!(matches!(error, RegistryError::Denied { status: 401, .. }), "{error}");
    let error = client_with(&login("other.example", USER)).manifest(&name(&server)).expect_err("another's");
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
}

#[test]
fn a_login_stays_at_its_server() {
    // F01: the storage that blobs are redirected to sees no login, even if it asks for one.
    for storage_answer in
        [Answer::new(200, LAYER), Answer::new(401, "").with("WWW-Authenticate", "Basic realm=\"r\"")]
    {
        let wanted = storage_answer.clone();
        let storage = Arc::new(Server::start(move |_, _| wanted.clone()));
        let location = format!("http://{}/blob?signed=1", storage.host());
        let server = Server::start(move |request, _| basic_only(request, || Answer::redirect(&location)));
        // A file that has a login for the storage too changes nothing: it was not the user who chose to go there.
        let login = login(&server.host(), &format!(r#"{USER},"{}":{USER}"#, storage.host()));
        let result = pull_blob(&client_with(&login), &server);
        assert!(result.is_ok() || result.unwrap_err().contains("refuses access"));
        assert!(!storage.requests().is_empty());
        assert!(storage.requests().iter().all(|request| request.header("authorization").is_none()));
    }
}

#[test]
fn a_redirect_back_sees_no_login_either() {
    let home = Arc::new(std::sync::Mutex::new(String::new()));
    let back = Arc::clone(&home);
    let storage =
        Server::start(move |_, _| Answer::redirect(&format!("http://{}/final", back.lock().expect("lock"))));
    let away = format!("http://{}/x", storage.host());
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/final" => Answer::new(200, LAYER),
        _ => basic_only(request, || Answer::redirect(&away)),
    });
    server.host().clone_into(&mut home.lock().expect("lock"));
    assert_eq!(pull_blob(&client_with(&login(&server.host(), USER)), &server).as_deref(), Ok(LAYER));
    let last = server.requests().pop().expect("a request");
    assert_eq!((last.path.as_str(), last.header("authorization")), ("/final", None));
}

#[test]
fn redirects_within_the_server_are_followed() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/elsewhere" => Answer::new(200, LAYER),
        _ => Answer::redirect("/elsewhere"),
    });
    assert_eq!(pull_blob(&Client::new(options()), &server).as_deref(), Ok(LAYER));
}

#[test]
fn bad_redirects_are_refused() {
    #[track_caller]
    fn check(location: &str, complaint: &str) {
        let to = location.to_owned();
        let server = Server::start(move |_, _| Answer::redirect(&to));
        let error = pull_blob(&Client::new(options()), &server).expect_err(location);
        assert!(error.contains(complaint), "{error}");
    }
    check("/v2/again", "more than 5 times");
    check("file:///etc/passwd", "redirects to");
    check("http://user:pass@127.0.0.1/", "redirects to");
    check("", "more than 5 times");
}

#[test]
fn tokens_are_fetched_once_and_renewed() {
    let server = Server::start(|request, count| {
        let host = request.header("host").unwrap_or_default().to_owned();
        if request.path.starts_with("/token") {
            return Answer::new(200, format!(r#"{{"token":"t{count}"}}"#));
        }
        // The third request comes with a token that has run out.
        match request.header("authorization") {
            Some(token) if token.starts_with("Bearer t") && count != 3 => Answer::new(200, LAYER),
            _ => Answer::new(401, "").with(
                "WWW-Authenticate",
                &format!(
                    "Bearer realm=\"http://{host}/token?x=1\",service=\"a b\",scope=\"repository:other:push\""
                ),
            ),
        }
    });
    let client = Client::new(options());
    pull_blob(&client, &server).expect("first");
    pull_blob(&client, &server).expect("with a token that ran out");
    pull_blob(&client, &server).expect("with the new token");
    let paths: Vec<String> = server.requests().iter().map(|request| request.path.clone()).collect();
    let token = "/token?x=1&scope=repository%3Aa%2Fb%3Apull&scope=repository%3Aother%3Apush&service=a%20b";
    let blob = format!("/v2/a/b/blobs/{}", Digest::of(LAYER));
    assert_eq!(paths, [&blob, token, &blob, &blob, token, &blob, &blob]);
}

#[test]
fn a_login_is_changed_into_a_token() {
    #[track_caller]
    fn check(entry: &str, method: &str, authorization: Option<&str>, body: &str) {
        let server = Server::start(|request, _| match (&request.path[..], request.header("authorization")) {
            (path, _) if path.starts_with("/token") => Answer::new(200, r#"{"access_token":"T"}"#),
            (_, Some("Bearer T")) => Answer::new(200, manifest()),
            _ => {
                let realm =
                    format!("Bearer realm=\"http://{}/token\"", request.header("host").unwrap_or_default());
                Answer::new(401, "").with("WWW-Authenticate", &realm)
            }
        });
        client_with(&login(&server.host(), entry)).manifest(&name(&server)).expect("allowed");
        let token = server.requests().into_iter().find(|request| request.path.starts_with("/token"));
        let token = token.expect("a token was asked for");
        assert_eq!((token.method.as_str(), token.header("authorization")), (method, authorization));
        assert_eq!(token.body, body);
    }
    check(USER, "GET", Some("Basic dXNlcjpzZWNyZXQ="), "");
    check("{}", "GET", None, "");
    check(
        r#"{"identitytoken":"I&I"}"#,
        "POST",
        None,
        "grant_type=refresh_token&client_id=dsbuild&scope=repository%3Aa%2Fb%3Apull&refresh_token=I%26I",
    );
}

#[test]
fn bad_realms_are_refused() {
    #[track_caller]
    fn check(realm: &str) {
        let challenge = format!("Bearer realm=\"{realm}\"");
        let server = Server::start(move |_, _| Answer::new(401, "").with("WWW-Authenticate", &challenge));
        let error = client_with(&login(&server.host(), USER)).manifest(&name(&server)).expect_err(realm);
        assert!(error.to_string().contains("sends for a token to"), "{error}");
        assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
    }
    check("file:///token");
    check("/token");
    check("http://a@127.0.0.1/");
}

#[test]
fn bad_tokens_are_refused() {
    #[track_caller]
    fn check(token: &'static str) {
        let server = Server::start(move |request, _| match request.path.starts_with("/token") {
            true => Answer::new(200, token),
            false => {
                let realm =
                    format!("Bearer realm=\"http://{}/token\"", request.header("host").unwrap_or_default());
                Answer::new(401, "").with("WWW-Authenticate", &realm)
            }
        });
        let error = Client::new(options()).manifest(&name(&server)).expect_err(token);
        assert!(error.to_string().contains("token"), "{error}");
    }
    check("");
    check("{}");
    check(r#"{"token":""}"#);
    check(r#"{"token":"a\r\nX-Evil: 1"}"#);
    check(r#"{"token":7}"#);
}

#[test]
fn a_mirror_is_asked_first() {
    let origin = Server::start(|_, _| Answer::new(200, manifest()));
    for (status, asked) in [(200, 0), (404, 1), (403, 1), (418, 1)] {
        let before = origin.requests().len();
        let mirror = Server::start(move |_, _| Answer::new(status, manifest()));
        let mirrors = [(origin.host(), format!("http://{}/proxy", mirror.host()))].into();
        let client = Client::new(Options { mirrors, ..options() });
        client.manifest(&name(&origin)).expect("one of them has it");
        assert_eq!(mirror.requests()[0].path, "/v2/proxy/a/b/manifests/t");
        assert_eq!(origin.requests().len() - before, asked, "after {status}");
    }
}
