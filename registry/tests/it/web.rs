//! Files by HTTP: redirects, addresses, logins, broken bodies.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use registry::web::{Get, Page, WebError};
use registry::{Client, Options, Proxies};

use crate::server::{Answer, Request, Server};

fn get(url: &str, authorization: Option<&str>, etag: Option<&str>) -> Result<Page, WebError> {
    Client::new(crate::hostile::options()).web().get(&Get { url, authorization, etag })
}

fn file(url: &str) -> Result<(Vec<u8>, Option<String>), String> {
    match get(url, None, None).map_err(|error| error.to_string())? {
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
fn a_file_and_what_is_said_of_it() {
    let server = Server::start(|request, _| match request.path.as_str() {
        "/a%20b?q=1" => Answer::new(200, "bytes").with("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        _ => Answer::new(404, ""),
    });
    let (bytes, last_modified) = file(&url(&server, "/a b?q=1#x")).expect("the file");
    assert_eq!(
        (&bytes[..], last_modified.as_deref()),
        (&b"bytes"[..], Some("Sun, 06 Nov 1994 08:49:37 GMT"))
    );
    assert_eq!(file(&url(&server, "/no")), Err("invalid response status 404".to_owned()));
    assert_eq!(
        server.requests()[0].header("user-agent").map(|agent| agent.starts_with("dsbuild/")),
        Some(true)
    );
}

#[test]
fn what_is_here_is_not_sent_again() {
    let server = Server::start(|request, _| match request.header("if-none-match") {
        Some("\"one\"") => Answer::new(304, ""),
        _ => Answer::new(200, "x").with("ETag", "\"two\""),
    });
    let url = url(&server, "/f");
    assert!(matches!(get(&url, None, Some("\"one\"")), Ok(Page::NotModified)));
    let Ok(Page::File { etag, .. }) = get(&url, None, Some("\"old\"")) else { panic!("no file") };
    assert_eq!(etag.as_deref(), Some("\"two\""));
}

#[test]
fn not_modified_without_having_been_asked_is_an_error() {
    let server = Server::start(|_, _| Answer::new(304, ""));
    assert_eq!(file(&url(&server, "/")), Err("invalid response status 304".to_owned()));
}

/// A server whose `/n` leads to `/n-1`.
fn stairs() -> Server {
    Server::start(|request, _| match request.path[1..].parse::<u32>() {
        Ok(0) => Answer::new(200, "ground"),
        Ok(n) => Answer::redirect(&format!("/{}", n - 1)),
        Err(_) => Answer::new(404, ""),
    })
}

#[test]
fn ten_redirects_and_no_more() {
    let server = stairs();
    assert_eq!(file(&url(&server, "/10")).expect("the file").0, b"ground");
    let error = file(&url(&server, "/11")).expect_err("too many");
    assert_eq!(error, "refused: it redirects more than 10 times");
}

#[test]
fn redirects_to_where_nobody_may_be_asked() {
    for location in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0:1/",
        "http://[::]:1/",
        "gopher://x",
        "",
    ] {
        let server = Server::start(move |_, _| Answer::redirect(location));
        let error = file(&url(&server, "/")).expect_err(location);
        assert!(error.starts_with("refused: "), "{location}: {error}");
        assert_eq!(server.requests().len(), if location.is_empty() { 11 } else { 1 }, "{location}");
    }
}

#[test]
fn urls_that_nobody_may_ask_for() {
    for address in ["http://169.254.169.254/", "http://0.0.0.0/", "http://[fe80::1]:80/x"] {
        assert!(matches!(get(address, None, None), Err(WebError::Refused { .. })), "{address}");
    }
    for text in ["file:///etc/passwd", "ftp://h/x", "h/x", "http://u:p@127.0.0.1/", "http://h\r\nX: y/"] {
        assert_eq!(file(text), Err("invalid URL".to_owned()), "{text}");
    }
}

#[test]
fn a_login_goes_to_nobody_else() {
    let other = Arc::new(Server::start(|_, _| Answer::new(200, "cdn")));
    let host = other.host();
    let server = Server::start(move |request: &Request, _| match request.path.as_str() {
        "/here" => Answer::redirect("/there"),
        _ => Answer::redirect(&format!("http://{host}/x")),
    });
    assert!(get(&url(&server, "/here"), Some("Bearer canary"), None).is_ok());
    let sent = |request: &Request| request.header("authorization").map(str::to_owned);
    assert!(server.requests().iter().all(|request| sent(request).as_deref() == Some("Bearer canary")));
    assert_eq!(other.requests().iter().filter_map(sent).count(), 0);
}

#[test]
fn a_body_that_ends_early_is_no_file() {
    let server = Server::start(|_, _| Answer::new(200, "half").claiming(8));
    assert!(file(&url(&server, "/")).is_err());
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    let server = Server::start(|_, count| Answer::new(if count < 2 { 503 } else { 200 }, "late"));
    assert_eq!(file(&url(&server, "/")).expect("the file").0, b"late");
}

/// A proxy that takes whatever it is asked for to `server`; gives its URL, and sends what it was asked first.
fn proxy_to(server: &Server) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://user:word@{}", listener.local_addr().expect("an address"));
    let (sender, asked) = std::sync::mpsc::channel();
    let server = server.host();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut head = BufReader::new(client.try_clone().expect("a copy")).lines().map_while(Result::ok);
        sender.send(head.by_ref().take_while(|line| !line.is_empty()).collect()).expect("the test waits");
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("it listens");
        let mut server = TcpStream::connect(server).expect("the server");
        let (mut from, mut to) = (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut server, &mut client);
    });
    (url, asked)
}

#[test]
fn a_proxy_is_asked_for_what_is_elsewhere() {
    let server = Server::start(|_, _| Answer::new(200, "far"));
    let (proxy, asked) = proxy_to(&server);
    let proxies = Proxies { http: Some(proxy), ..Proxies::default() };
    let web = Client::new(Options { proxies, ..crate::hostile::options() }).web();
    let here = url(&server, "/");
    assert!(web.get(&Get { url: &here, authorization: None, etag: None }).is_ok(), "directly");
    assert!(asked.try_recv().is_err(), "this machine needs no proxy");
    let far = Get { url: "http://files.example:81/f", authorization: None, etag: None };
    let Ok(Page::File { mut body, .. }) = web.get(&far) else { panic!("no file") };
    let mut text = String::new();
    body.read_to_string(&mut text).expect("the body");
    assert_eq!(text, "far");
    let asked = asked.recv().expect("it was asked");
    assert!(asked.starts_with("CONNECT files.example:81 "), "{asked}");
    assert!(asked.to_lowercase().contains("proxy-authorization: basic dxnlcjp3b3jk"), "{asked}");
}
