//! Pushes: what is sent, where to, and how refusals are reported.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oci::{Descriptor, Digest, media_type};
use registry::{Client, Pushed, RawManifest, RegistryError};

use crate::server::{Answer, Request, Server};
use crate::support::{
    LAYER, USER, basic_only, client, client_with, layer, login, name, options, options_with,
};

fn open() -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(LAYER))
}

fn push(client: &Client, server: &Server) -> Result<Pushed, RegistryError> {
    client.push_blob(&name(server), &layer(), &open)
}

/// Answers for a registry that has nothing; `last` answers the request that ends an upload.
fn uploads(request: &Request, last: impl Fn() -> Answer) -> Answer {
    match request.method.as_str() {
        "HEAD" => Answer::new(404, ""),
        "POST" => Answer::new(202, "").with("Location", "/upload?state=a%2Fb"),
        _ => last(),
    }
}

fn lines(server: &Server) -> Vec<String> {
    server.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

#[test]
fn a_blob_is_sent_in_one_request() {
    let server = Server::start(|request, _| uploads(request, || Answer::new(201, "")));
    assert_eq!(push(&client(), &server).expect("pushed"), Pushed::Sent);
    let digest = Digest::of(LAYER);
    let expected = [
        format!("HEAD /v2/a/b/blobs/{digest}"),
        "POST /v2/a/b/blobs/uploads/".to_owned(),
        format!("PUT /upload?state=a%2Fb&digest={digest}"),
    ];
    assert_eq!(lines(&server), expected);
    assert_eq!(server.requests()[2].body.as_bytes(), LAYER);
}

#[test]
fn a_blob_that_is_there_is_not_sent() {
    let server = Server::start(|_, _| Answer::new(200, ""));
    assert_eq!(push(&client(), &server).expect("there"), Pushed::Present);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_upload_to_a_busy_server_starts_anew() {
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    let server = Server::start(move |request, _| {
        uploads(request, || match counted.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::new(503, ""),
            _ => Answer::new(201, ""),
        })
    });
    assert_eq!(push(&client(), &server).expect("pushed"), Pushed::Sent);
    let methods: Vec<String> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT", "POST", "PUT"]);
    assert_eq!(server.requests()[4].body.as_bytes(), LAYER);
}

/// Pushes a blob whose bytes are answered with `answer`; expects part of an error.
#[track_caller]
fn check_refusal(answer: Answer, complaint: &str) {
    let server = Server::start(move |request, _| uploads(request, || answer.clone()));
    let error = push(&client(), &server).expect_err(complaint).to_string();
    assert!(error.contains(complaint), "{error}");
}

#[test]
fn a_refusal_is_reported_in_the_words_of_the_server() {
    let full = r#"{"errors":[{"code":"DENIED","message":"quota exceeded"}]}"#;
    check_refusal(Answer::new(400, full), "does not take 127.0.0.1");
    check_refusal(Answer::new(400, full), "quota exceeded");
    check_refusal(Answer::new(403, full), "refuses access (403)");
}

#[test]
fn a_push_to_a_server_that_stays_busy_is_given_up() {
    check_refusal(Answer::new(500, ""), "cannot reach");
}

#[test]
fn a_redirected_upload_is_a_bad_answer() {
    check_refusal(Answer::redirect("/elsewhere"), "bad answer");
}

#[test]
fn a_server_must_take_the_bytes_that_it_was_sent() {
    let other = Digest::of(b"other").to_string();
    check_refusal(Answer::new(201, "").with("Docker-Content-Digest", &other), "it was sent sha256:");
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
    let error = client().push_blob(&name(&server), &blob, &open).expect_err("too large");
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

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("bad sector"))
    }
}

/// Pushes a blob that `open` cannot bring; expects that nobody is asked again.
#[track_caller]
fn check_unreadable(open: fn() -> io::Result<Box<dyn Read + Send>>) {
    let server = Server::start(|request, _| uploads(request, || Answer::new(201, "")));
    let error = client().push_blob(&name(&server), &layer(), &open).expect_err("unreadable");
    assert!(matches!(&error, RegistryError::Source { .. }), "{error}");
    assert!(error.to_string().contains("bad sector"), "{error}");
    assert_eq!(server.requests().iter().filter(|request| request.method == "POST").count(), 1);
}

#[test]
fn a_blob_that_breaks_while_it_is_sent_is_no_fault_of_the_server() {
    check_unreadable(|| Ok(Box::new(Broken)));
}

#[test]
fn a_blob_that_cannot_be_opened_is_no_fault_of_the_server() {
    check_unreadable(|| Err(io::Error::other("bad sector")));
}

#[test]
fn a_blob_is_sent_only_to_a_url_that_a_redirect_could_have() {
    for location in ["", "file:///tmp/x", "http://user:pass@127.0.0.1/"] {
        let server = Server::start(move |request, _| match request.method.as_str() {
            "HEAD" => Answer::new(404, ""),
            _ => Answer::new(202, "").with("Location", location),
        });
        let error = push(&client(), &server).expect_err(location).to_string();
        assert!(error.contains("it sends a blob's bytes to"), "{error}");
        assert!(server.requests().iter().all(|request| request.method != "PUT"));
    }
}

#[test]
fn the_storage_that_takes_the_bytes_sees_no_login() {
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
fn a_manifest_is_put_under_its_tag() {
    let server = Server::start(|_, _| Answer::new(201, ""));
    let bytes = b"{}".to_vec();
    let media_type = media_type::MANIFEST.to_owned();
    let manifest = RawManifest { media_type, digest: Digest::of(&bytes), bytes };
    client().push_manifest(&name(&server), &manifest).expect("pushed");
    let put = &server.requests()[0];
    assert_eq!((put.method.as_str(), put.path.as_str()), ("PUT", "/v2/a/b/manifests/t"));
    assert_eq!(put.header("content-type"), Some(media_type::MANIFEST));
    assert_eq!(put.body, "{}");
}

#[test]
fn a_server_has_longer_to_store_a_blob_than_to_answer() {
    let stall = options().patience.stall;
    let server = Server::start(move |request, _| {
        uploads(request, || {
            std::thread::sleep(stall * 2);
            Answer::new(201, "")
        })
    });
    assert_eq!(push(&Client::new(options_with(1)), &server).expect("stored"), Pushed::Sent);
}
