//! Logins: to whom they are shown.

use std::path::Path;

use registry::login::{KeptIn, Login};
use registry::{Client, Options, RegistryError};

use crate::server::{Answer, Request, Server};
use crate::support::{
    USER, USER_HEADER, asks_for_token, basic_only, client, client_with, login, manifest, name, options,
};

#[test]
fn a_login_is_shown_only_after_the_server_has_asked() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, manifest())));
    let login = login(&server.host(), USER);
    client_with(&login).manifest(&name(&server)).expect("logged in");
    let shown: Vec<bool> =
        server.requests().iter().map(|request| request.header("authorization").is_some()).collect();
    assert_eq!(shown, [false, true]);
}

#[test]
fn a_login_that_was_accepted_is_shown_at_once_the_next_time() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, manifest())));
    let login = login(&server.host(), USER);
    let client = client_with(&login);
    client.manifest(&name(&server)).expect("logged in");
    client.manifest(&name(&server)).expect("logged in");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn without_a_login_access_is_denied() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, manifest())));
    let error = client().manifest(&name(&server)).expect_err("no login");
    assert!(matches!(error, RegistryError::Denied { status: 401, .. }), "{error}");
}

#[test]
fn the_login_of_another_registry_is_not_used() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, manifest())));
    let login = login("other.example", USER);
    let error = client_with(&login).manifest(&name(&server)).expect_err("another's");
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
    assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn a_file_of_logins_that_cannot_be_read_is_an_error_that_names_it() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, manifest())));
    let login = login(&server.host(), "damaged");
    let error = client_with(&login).manifest(&name(&server)).expect_err("damaged");
    assert!(matches!(&error, RegistryError::Credentials { .. }), "{error}");
    assert!(error.to_string().contains("config.json"), "{error}");
}

/// A client that keeps logins in a file of this directory.
fn keeping(directory: &Path) -> Client {
    let login_file = directory.join("config.json");
    Client::new(Options { credential_files: vec![login_file.clone()], login_file, ..options() })
}

fn user(password: &str) -> Login {
    Login { user: "user".to_owned(), password: password.to_owned() }
}

/// Logs in to a server; returns the outcome, and whether a login was kept.
fn log_in(server: &Server, password: &str) -> (Result<KeptIn, RegistryError>, bool) {
    let directory = tempfile::tempdir().expect("temporary folder");
    let client = keeping(directory.path());
    let outcome = client.log_in(&server.host(), &user(password));
    let is_kept = client.has_login(&server.host()).expect("readable");
    (outcome, is_kept)
}

#[test]
fn a_login_is_kept_once_the_registry_has_accepted_it() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, "{}")));
    let (outcome, is_kept) = log_in(&server, "secret");
    assert!(matches!(outcome, Ok(KeptIn::File(_))), "{outcome:?}");
    assert!(is_kept);
    assert!(server.requests().iter().all(|request| request.path == "/v2/"));
}

#[test]
fn a_login_that_the_registry_refuses_is_not_kept() {
    let refused = r#"{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}"#;
    let server = Server::start(move |request, _| match request.header("authorization") {
        None => basic_only(request, || Answer::new(200, "{}")),
        Some(_) => Answer::new(401, refused).with("WWW-Authenticate", "Basic realm=\"r\""),
    });
    let (outcome, is_kept) = log_in(&server, "wrong");
    let error = outcome.expect_err("refused").to_string();
    assert!(error.contains("does not accept the login") && error.contains("incorrect username"), "{error}");
    assert!(!is_kept);
}

#[test]
fn a_login_at_a_token_server_is_tried_without_a_scope() {
    let is_token = |request: &Request| request.path.starts_with("/token");
    let server = Server::start(move |request, _| match request.header("authorization") {
        Some(USER_HEADER) if is_token(request) => Answer::new(200, r#"{"token":"T"}"#),
        _ if is_token(request) => Answer::new(401, ""),
        Some("Bearer T") => Answer::new(200, "{}"),
        _ => asks_for_token(request, ",service=\"s\""),
    });
    assert!(log_in(&server, "secret").1);
    let tokens: Vec<String> = server
        .requests()
        .iter()
        .filter(|request| is_token(request))
        .map(|request| request.path.clone())
        .collect();
    assert_eq!(tokens, ["/token?service=s"]);
    let (outcome, is_kept) = log_in(&server, "wrong");
    assert!(matches!(outcome, Err(RegistryError::BadLogin { .. })), "{outcome:?}");
    assert!(!is_kept);
}

#[test]
fn a_kept_login_is_tried_and_forgotten() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, "{}")));
    let directory = tempfile::tempdir().expect("temporary folder");
    let (client, host) = (keeping(directory.path()), server.host());
    assert!(!client.has_valid_login(&host).expect("none"));
    client.log_in(&host, &user("secret")).expect("accepted");
    assert!(client.has_valid_login(&host).expect("accepted"));
    assert!(client.log_out(&host).expect("written"));
    assert!(!client.has_login(&host).expect("readable"));
    assert!(!client.log_out(&host).expect("nothing to do"));
}

#[test]
fn a_login_is_not_tried_at_a_mirror() {
    let server = Server::start(|request, _| basic_only(request, || Answer::new(200, "{}")));
    let mirror = Server::start(|_, _| Answer::new(200, "{}"));
    let directory = tempfile::tempdir().expect("temporary folder");
    let mirrors = [(server.host(), format!("http://{}", mirror.host()))].into();
    let login_file = directory.path().join("config.json");
    let client = Client::new(Options { mirrors, login_file, ..options() });
    client.log_in(&server.host(), &user("secret")).expect("accepted");
    assert_eq!(mirror.requests().len(), 0);
}

#[test]
fn tags_are_listed_page_by_page() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/v2/a/b/tags/list?n=1000" => Answer::new(200, r#"{"name":"a/b","tags":["1","2"]}"#)
            .with("Link", "<https://169.254.169.254/v2/a/b/tags/list?n=1000&last=2>; rel=\"next\""),
        "/v2/a/b/tags/list?n=1000&last=2" => Answer::new(200, r#"{"name":"a/b","tags":["3","bad tag"]}"#),
        _ => Answer::new(404, ""),
    });
    assert_eq!(client().tags(&name(&server)).expect("listed"), ["1", "2", "3"]);
}

#[test]
fn a_list_of_tags_without_end_is_given_up() {
    let server =
        Server::start(|_, _| Answer::new(200, r#"{"tags":["1"]}"#).with("Link", "</x?last=1>; rel=\"next\""));
    let error = client().tags(&name(&server)).expect_err("endless");
    assert!(error.to_string().contains("more than 1000 pages"), "{error}");
}
