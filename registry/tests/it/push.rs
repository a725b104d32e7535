//! Pushing to a server that misbehaves on purpose.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oci::{Descriptor, Digest, media_type};
use registry::{Client, Options, Pushed, RawManifest, RegistryError};

use crate::hostile::{LAYER, USER, basic_only, client_with, layer, login, name, options};
use crate::server::{Answer, Request, Server};

fn open() -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(LAYER))
}

fn push(client: &Client, server: &Server) -> Result<Pushed, RegistryError> {
    client.push_blob(&name(server), &layer(), &open)
}

/// A registry that has nothing and answers what ends an upload with `last`.
fn uploads(request: &Request, last: impl Fn() -> Answer) -> Answer {
    match request.method.as_str() {
        "HEAD" => Answer::new(404, ""),
        "POST" => Answer::new(202, "").with("Location", "/upload?state=a%2Fb"),
        _ => last(),
    }
}

fn said(server: &Server) -> Vec<String> {
    server.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[test]
fn a_blob_is_sent_once() {
    let server = Server::start(|request, _| uploads(request, || Answer::new(201, "")));
    assert_eq!(push(&Client::new(options()), &server).expect("pushed"), Pushed::Sent);
    let digest = Digest::of(LAYER);
    let expected = [
        format!("HEAD /v2/a/b/blobs/{digest}"),
        "POST /v2/a/b/blobs/uploads/".to_owned(),
        format!("PUT /upload?state=a%2Fb&digest={digest}"),
    ];
    assert_eq!(said(&server), expected);
    assert_eq!(server.requests()[2].body.as_bytes(), LAYER);
    let server = Server::start(|_, _| Answer::new(200, ""));
    assert_eq!(push(&Client::new(options()), &server).expect("there"), Pushed::Present);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_upload_that_fails_for_now_starts_again() {
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    let server = Server::start(move |request, _| {
        uploads(request, || match counted.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::new(503, ""),
            _ => Answer::new(201, ""),
        })
    });
    assert_eq!(push(&Client::new(options()), &server).expect("pushed"), Pushed::Sent);
    let methods: Vec<String> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT", "POST", "PUT"]);
    assert_eq!(server.requests()[4].body.as_bytes(), LAYER);
}

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    #[track_caller]
    fn check(answer: Answer, complaint: &str) {
        let server = Server::start(move |request, _| uploads(request, || answer.clone()));
        let error = push(&Client::new(options()), &server).expect_err(complaint).to_string();
        assert!(error.contains(complaint), "{error}");
    }
    let full = r#"{"errors":[{"code":"DENIED","message":"quota exceeded"}]}"#;
    check(Answer::new(400, full), "does not take 127.0.0.1");
    check(Answer::new(400, full), "quota exceeded");
    check(Answer::new(403, full), "refuses access (403)");
    check(Answer::new(500, ""), "cannot reach");
    check(Answer::redirect("/elsewhere"), "bad answer");
    let other = Digest::of(b"other").to_string();
    check(Answer::new(201, "").with("Docker-Content-Digest", &other), "it was sent sha256:");
}

#[test]
fn a_large_blob_that_is_refused_is_not_sent() {
    let server = Server::start(|request, _| uploads(request, || Answer::new(413, "")));
    let opened = Arc::new(AtomicUsize::new(0));
    let read = Arc::clone(&opened);
    let blob = Descriptor::new(media_type::LAYER_TAR, Digest::of(LAYER), 1 << 30);
    let open = move || {
        let read = Arc::clone(&read);
        let zeros = io::repeat(0).take(1 << 30);
        Ok(Box::new(Counted { inner: zeros, read }) as Box<dyn Read + Send>)
    };
    let error = Client::new(options()).push_blob(&name(&server), &blob, &open).expect_err("too large");
    assert!(error.to_string().contains("status 413"), "{error}");
    assert_eq!(opened.load(Ordering::Relaxed), 0, "bytes were read to be sent");
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicUsize>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

#[test]
fn a_blob_that_cannot_be_read_is_no_fault_of_the_server() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("bad sector"))
        }
    }
    let server = Server::start(|request, _| uploads(request, || Answer::new(201, "")));
    for open in [
        || Ok(Box::new(Broken) as Box<dyn Read + Send>),
        || Err::<Box<dyn Read + Send>, _>(io::Error::other("bad sector")),
    ] {
        let error =
            Client::new(options()).push_blob(&name(&server), &layer(), &open).expect_err("unreadable");
        assert!(matches!(&error, RegistryError::Source { .. }), "{error}");
        assert!(error.to_string().contains("bad sector"), "{error}");
    }
    let posts = server.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!(posts, 2, "what fails here is not tried again");
}

#[test]
fn bad_places_to_upload_to_are_refused() {
    #[track_caller]
    fn check(location: &str) {
        let to = location.to_owned();
        let server = Server::start(move |request, _| match request.method.as_str() {
            "HEAD" => Answer::new(404, ""),
            _ => Answer::new(202, "").with("Location", &to),
        });
        let error = push(&Client::new(options()), &server).expect_err(location).to_string();
        assert!(error.contains("it sends a blob's bytes to"), "{error}");
        assert!(server.requests().iter().all(|request| request.method != "PUT"));
    }
    check("");
    check("file:///tmp/x");
    check("http://user:pass@127.0.0.1/");
}

#[test]
fn a_login_stays_at_its_server() {
    let storage = Arc::new(Server::start(|_, _| Answer::new(201, "")));
    let place = format!("http://{}/put", storage.host());
    let server = Server::start(move |request, _| {
        basic_only(request, || match request.method.as_str() {
            "HEAD" => Answer::new(404, ""),
            _ => Answer::new(202, "").with("Location", &place),
        })
    });
    let login = login(&server.host(), &format!(r#"{USER},"{}":{USER}"#, storage.host()));
    push(&client_with(&login), &server).expect("pushed");
    let put = &storage.requests()[0];
    assert_eq!((put.method.as_str(), put.header("authorization")), ("PUT", None));
    assert_eq!(put.body.as_bytes(), LAYER);
}

#[test]
fn a_token_for_pushing_is_another_than_for_pulling() {
    let server = Server::start(|request, _| {
        let host = request.header("host").unwrap_or_default().to_owned();
        if request.path.starts_with("/token") {
            let token = if request.path.contains("push") { "push" } else { "pull" };
            return Answer::new(200, format!(r#"{{"token":"{token}"}}"#));
        }
        let wanted = if request.method == "GET" { "Bearer pull" } else { "Bearer push" };
        match request.header("authorization") {
            Some(token) if token == wanted && request.method == "GET" => Answer::new(200, LAYER),
            Some(token) if token == wanted => uploads(request, || Answer::new(201, "")),
            _ => Answer::new(401, "")
                .with("WWW-Authenticate", &format!("Bearer realm=\"http://{host}/token\",service=\"s\"")),
        }
    });
    let client = Client::new(options());
    client.blob(&name(&server), &layer()).expect("pulled");
    push(&client, &server).expect("pushed");
    let tokens: Vec<String> = said(&server).into_iter().filter(|line| line.contains("/token")).collect();
    let expected = ["pull", "pull%2Cpush"]
        .map(|actions| format!("GET /token?scope=repository%3Aa%2Fb%3A{actions}&service=s"));
    assert_eq!(tokens, expected);
}

#[test]
fn nothing_is_pushed_to_a_mirror() {
    let mirror = Server::start(|_, _| Answer::new(201, ""));
    let server = Server::start(|request, _| uploads(request, || Answer::new(201, "")));
    let mirrors = [(server.host(), format!("http://{}", mirror.host()))].into();
    let client = Client::new(Options { mirrors, ..options() });
    push(&client, &server).expect("pushed");
    let bytes = b"{}".to_vec();
    let media_type = media_type::MANIFEST.to_owned();
    let manifest = RawManifest { media_type, digest: Digest::of(&bytes), bytes };
    client.push_manifest(&name(&server), &manifest).expect("pushed");
    assert!(mirror.requests().is_empty());
    let last = server.requests().pop().expect("a request");
    assert_eq!((last.method.as_str(), last.path.as_str()), ("PUT", "/v2/a/b/manifests/t"));
    assert_eq!(last.header("content-type"), Some(media_type::MANIFEST));
}
