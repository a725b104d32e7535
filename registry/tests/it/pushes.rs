//! Pushes: what is sent, where to, and how refusals are reported.

use std::io::{self, Read, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use oci::{Descriptor, Digest, media_type};
use registry::{Client, Options, Patience, Pushed, RawManifest, RegistryError};

use crate::server::{Answer, Request, Server, raw};
use crate::support::{
    LAYER, USER, basic_only, client, client_with, layer, login, name, named, options, options_with,
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

/// Expects an error within a few stalls from a server that answers every request but those of `method` below `path`.
#[track_caller]
fn check_stall(
    method: &'static str,
    path: &'static str,
    push: fn(&Client, &Server) -> Result<(), RegistryError>,
) {
    let server = Server::start(move |request, _| {
        if request.method == method && request.path.starts_with(path) {
            std::thread::sleep(Duration::from_secs(60));
        }
        uploads(request, || Answer::new(201, ""))
    });
    let started = Instant::now();
    let patience = Patience { attempts: u32::MAX, total: Duration::from_secs(1), ..options().patience };
    let client = Client::new(Options { patience, ..options() });
    let error = push(&client, &server).expect_err("no answer").to_string();
    assert_eq!(error, format!("cannot reach {}: the server sent nothing in time", server.host()));
    assert!(started.elapsed() < options().patience.stall * 6, "{:?}", started.elapsed());
}

#[test]
fn a_push_to_a_server_that_stalls_is_given_up() {
    let blob = |client: &Client, server: &Server| push(client, server).map(drop);
    check_stall("HEAD", "/v2/", blob);
    check_stall("POST", "/v2/", blob);
    check_stall("PUT", "/upload", blob);
    check_stall("PUT", "/v2/a/b/manifests/", |client, server| {
        let (bytes, media_type) = (b"{}".to_vec(), media_type::MANIFEST.to_owned());
        let manifest = RawManifest { media_type, digest: Digest::of(&bytes), bytes };
        client.push_manifest(&name(server), &manifest)
    });
}

/// Reads a request up to the end of its head; returns its first word.
fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).split(' ').next().unwrap_or_default().to_owned()
}

/// Length of a body that a client announces before it sends it.
const LARGE_BYTES: u64 = 300_000;

#[test]
fn a_body_is_sent_after_interim_responses_with_headers() {
    let host = raw(|mut stream| {
        let answer = match read_head(&mut stream).as_str() {
            "HEAD" => "HTTP/1.1 404 Not Found",
            "POST" => "HTTP/1.1 202 Accepted\r\nLocation: /upload",
            _ => {
                stream.write_all(b"HTTP/1.1 100 Continue\r\nDate: now\r\n\r\n").expect("the client is there");
                let sent = io::copy(&mut (&mut stream).take(LARGE_BYTES), &mut io::sink());
                assert_eq!(sent.expect("a body"), LARGE_BYTES);
                stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").expect("the client is there");
                "HTTP/1.1 201 Created"
            }
        };
        let answer = format!("{answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).expect("the client is there");
    });
    let content = vec![7; usize::try_from(LARGE_BYTES).expect("it is small")];
    let blob = Descriptor::new(media_type::LAYER_TAR, Digest::of(&content), LARGE_BYTES);
    let open = move || Ok(Box::new(io::Cursor::new(content.clone())) as Box<dyn Read + Send>);
    let client = Client::new(options_with(1));
    assert_eq!(client.push_blob(&named(&host), &blob, &open).expect("pushed"), Pushed::Sent);
}
