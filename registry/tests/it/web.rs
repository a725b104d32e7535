//! Files by HTTP: what comes of them, and which are refused.

use registry::web::{Get, Page, WebError};

use crate::server::{Answer, Server};
use crate::support::client;

fn get(url: &str, etag: Option<&str>) -> Result<Page, WebError> {
    client().web().get(&Get { url, authorization: None, etag })
}

/// Fetches a file: its bytes and its `Last-Modified`; the error is its message.
fn file(url: &str) -> Result<(Vec<u8>, Option<String>), String> {
    match get(url, None).map_err(|error| error.to_string())? {
        Page::NotModified => Err("not modified".to_owned()),
        Page::File { mut body, last_modified, .. } => {
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
            Ok((bytes, last_modified))
        }
    }
}

fn url(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.host())
}

#[test]
fn a_file_comes_with_its_time() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let server = Server::start(move |_, _| Answer::new(200, "bytes").with("Last-Modified", date));
    assert_eq!(file(&url(&server, "/")), Ok((b"bytes".to_vec(), Some(date.to_owned()))));
}

#[test]
fn spaces_are_encoded_and_fragments_are_not_sent() {
    let server = Server::start(|_, _| Answer::new(200, ""));
    file(&url(&server, "/a b?q=1#x")).expect("the file");
    assert_eq!(server.requests()[0].path, "/a%20b?q=1");
}

#[test]
fn servers_are_told_which_program_asks() {
    let server = Server::start(|_, _| Answer::new(200, ""));
    file(&url(&server, "/")).expect("the file");
    let requests = server.requests();
    assert!(requests[0].header("user-agent").is_some_and(|agent| agent.starts_with("dsbuild/")));
}

#[test]
fn another_status_than_200_is_an_error() {
    let server = Server::start(|_, _| Answer::new(404, ""));
    assert_eq!(file(&url(&server, "/no")), Err("invalid response status 404".to_owned()));
}

#[test]
fn a_copy_that_still_holds_is_not_sent_again() {
    let server = Server::start(|request, _| match request.header("if-none-match") {
        Some("\"one\"") => Answer::new(304, ""),
        _ => Answer::new(200, "x").with("ETag", "\"two\""),
    });
    let url = url(&server, "/f");
    assert!(matches!(get(&url, Some("\"one\"")), Ok(Page::NotModified)));
    let Ok(Page::File { etag, .. }) = get(&url, Some("\"old\"")) else { panic!("no file") };
    assert_eq!(etag.as_deref(), Some("\"two\""));
}

#[test]
fn not_modified_without_having_been_asked_is_an_error() {
    let server = Server::start(|_, _| Answer::new(304, ""));
    assert_eq!(file(&url(&server, "/")), Err("invalid response status 304".to_owned()));
}

#[test]
fn forbidden_addresses_are_refused() {
    for address in ["http://169.254.169.254/", "http://0.0.0.0/", "http://[fe80::1]:80/x"] {
        assert!(matches!(get(address, None), Err(WebError::Refused { .. })), "{address}");
    }
}

#[test]
fn urls_of_other_schemes_or_with_a_user_are_invalid() {
    for text in ["file:///etc/passwd", "ftp://h/x", "h/x", "http://u:p@127.0.0.1/", "http://h\r\nX: y/"] {
        assert_eq!(file(text), Err("invalid URL".to_owned()), "{text}");
    }
}

#[test]
fn a_body_that_ends_early_is_an_error() {
    let server = Server::start(|_, _| Answer::new(200, "half").claiming(8));
    assert!(file(&url(&server, "/")).is_err());
}

#[test]
fn a_busy_server_is_asked_again() {
    let server = Server::start(|_, count| Answer::new(if count < 2 { 503 } else { 200 }, "late"));
    assert_eq!(file(&url(&server, "/")).expect("the file").0, b"late");
}
