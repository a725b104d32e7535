//! Redirects: the rules that guard credentials and private networks, each with a test of its own.
//!
//! The rules about addresses of the public internet are tested beside the code, in `http/redirect.rs` and `http/url.rs`:
//! no test reaches it.

use std::sync::{Arc, Mutex};

use registry::web::{Get, Page, WebError};

use crate::server::{Answer, Server};
use crate::support::{LAYER, USER, USER_HEADER, basic_only, client, client_with, login, pull_blob};
use crate::tls;

/// Asks for a file with a login; the error is its message.
fn get(server: &Server, path: &str) -> Result<(), WebError> {
    let url = format!("http://{}{path}", server.host());
    let get = Get { url: &url, authorization: Some(USER_HEADER), etag: None };
    client().web().get(&get).map(|page| assert!(matches!(page, Page::File { .. })))
}

/// Authorizations of all requests that have come to a server.
fn authorizations(server: &Server) -> Vec<Option<String>> {
    let requests = server.requests();
    requests.iter().map(|request| request.header("authorization").map(str::to_owned)).collect()
}

#[test]
fn redirects_within_a_server_keep_the_login() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/elsewhere" => basic_only(request, || Answer::new(200, LAYER)),
        _ => basic_only(request, || Answer::redirect("/elsewhere")),
    });
    let login = login(&server.host(), USER);
    assert_eq!(pull_blob(&client_with(&login), &server).as_deref(), Ok(LAYER));
    get(&server, "/here").expect("the file");
}

#[test]
fn another_server_never_sees_the_login() {
    // The storage that blobs are redirected to sees no login, even if it asks for one.
    let asks = Answer::new(401, "").with("WWW-Authenticate", "Basic realm=\"r\"");
    for answer in [Answer::new(200, LAYER), asks] {
        let storage = Server::start(move |_, _| answer.clone());
        let location = format!("http://{}/blob?signed=1", storage.host());
        let server = Server::start(move |request, _| basic_only(request, || Answer::redirect(&location)));
        // A login for the storage in the same file changes nothing: the user did not choose to go there.
        let login = login(&server.host(), &format!(r#"{USER},"{}":{USER}"#, storage.host()));
        let result = pull_blob(&client_with(&login), &server);
        assert!(result.is_ok() || result.is_err_and(|error| error.contains("refuses access")));
        assert!(get(&server, "/").is_ok() || authorizations(&storage).len() == 2);
        assert_eq!(authorizations(&storage), [None, None]);
    }
}

#[test]
fn a_redirect_back_does_not_see_the_login_again() {
    let home = Arc::new(Mutex::new(String::new()));
    let back = Arc::clone(&home);
    let storage =
        Server::start(move |_, _| Answer::redirect(&format!("http://{}/final", back.lock().expect("lock"))));
    let away = format!("http://{}/x", storage.host());
    let server = Server::start(move |request, _| match request.path.as_str() {
        "/final" => Answer::new(200, LAYER),
        _ => basic_only(request, || Answer::redirect(&away)),
    });
    server.host().clone_into(&mut home.lock().expect("lock"));
    let login = login(&server.host(), USER);
    assert_eq!(pull_blob(&client_with(&login), &server).as_deref(), Ok(LAYER));
    get(&server, "/").expect("the file");
    let requests = server.requests();
    let last = requests.iter().filter(|request| request.path == "/final");
    let seen: Vec<_> = last.map(|request| request.header("authorization")).collect();
    assert_eq!(seen, [None, None]);
}

#[test]
fn tls_never_leads_to_plain_http() {
    let plain = Server::start(|_, _| Answer::new(200, LAYER));
    let location = format!("http://{}/blob", plain.host());
    let server = Server::start_tls(tls::server("own"), move |_, _| Answer::redirect(&location));
    let error = pull_blob(&client(), &server).expect_err("weaker");
    assert!(error.contains("it redirects to http://127.0.0.1"), "{error}");
    assert_eq!(plain.connections(), 0);
}

/// Pulls and fetches from a server that redirects to `location`, which must be refused with `complaint`.
#[track_caller]
fn check_refused(location: &str, complaint: &str) {
    let to = location.to_owned();
    let server = Server::start(move |_, _| Answer::redirect(&to));
    let error = pull_blob(&client(), &server).expect_err(location);
    assert!(error.contains(complaint), "{location}: {error}");
    let error = get(&server, "/").expect_err(location);
    assert!(matches!(error, WebError::Refused { .. }), "{location}: {error}");
}

#[test]
fn metadata_services_and_addresses_of_no_machine_are_never_asked() {
    for address in
        ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "0.0.0.0:1", "[::]:1"]
    {
        check_refused(&format!("http://{address}/latest/meta-data"), "may not be asked");
    }
}

#[test]
fn targets_that_are_not_http_or_name_a_user_are_refused() {
    for location in ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "http://user:pass@127.0.0.1/"] {
        check_refused(location, "it redirects to");
    }
}

/// A server whose `/n` leads to `/n-1`.
fn stairs() -> Server {
    Server::start(|request, _| match request.path[1..].parse::<u32>() {
        Ok(0) => Answer::new(200, LAYER),
        Ok(n) => Answer::redirect(&format!("/{}", n - 1)),
        Err(_) => Answer::redirect("/4"),
    })
}

#[test]
fn a_registry_can_redirect_five_times() {
    assert_eq!(pull_blob(&client(), &stairs()).as_deref(), Ok(LAYER));
    let endless = Server::start(|_, _| Answer::redirect("/v2/again"));
    let error = pull_blob(&client(), &endless).expect_err("too many");
    assert!(error.contains("it redirects more than 5 times"), "{error}");
}

#[test]
fn a_file_can_be_ten_redirects_away() {
    let server = stairs();
    get(&server, "/10").expect("the file");
    let error = get(&server, "/11").expect_err("too many");
    assert_eq!(error.to_string(), "refused: it redirects more than 10 times");
}

#[test]
fn a_redirect_to_nowhere_is_one_to_the_same_place() {
    check_refused("", "it redirects more than 5 times");
}
