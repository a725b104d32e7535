//! Logins: to whom they are shown.

use registry::RegistryError;

use crate::server::{Answer, Server};
use crate::support::{USER, basic_only, client, client_with, login, manifest, name};

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
