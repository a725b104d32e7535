//! Answers of the faulty registry as a client sees them.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::*;

const MANIFEST: &str = "{\"a\":1}";

fn image() -> Image {
    let blob = b"0123456789".to_vec();
    let (layer, manifest) = (digest(&blob), MANIFEST.as_bytes().to_vec());
    let blobs = BTreeMap::from([(layer.clone(), blob)]);
    Image { manifest, media_type: "application/json".to_owned(), blobs, config: String::new(), layer }
}

/// Sends a request to a server with this change, and returns everything that comes until the connection ends.
fn exchange(target: Target, change: fn(&mut Answer), method: &str, path: &str, header: &str) -> String {
    let fault = Fault { target, times: 1, change: Arc::new(change) };
    let server = Server::start(image(), Some(fault), false).unwrap();
    let mut stream = TcpStream::connect(&server.host).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {}\r\n{header}\r\n", server.host).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut bytes = Vec::new();
    // A reset ends the answer as well.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn check_manifest(change: fn(&mut Answer), expected_end: &str) {
    let answer = exchange(Target::Manifest, change, "GET", "/v2/image/manifests/1", "");
    assert!(answer.ends_with(expected_end), "{answer}");
}

#[test]
fn an_answer_has_its_digest_and_length() {
    let answer = exchange(Target::Token, |_| {}, "GET", "/v2/image/manifests/1", "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains(&format!("Docker-Content-Digest: {}\r\n", digest(MANIFEST.as_bytes()))));
    assert!(answer.ends_with("Content-Length: 7\r\n\r\n{\"a\":1}"), "{answer}");
}

#[test]
fn a_fault_changes_the_answer() {
    check_manifest(|answer| answer.framing = Framing::Length(3), "Content-Length: 10\r\n\r\n{\"a\":1}");
    check_manifest(|answer| answer.framing = Framing::Chunked, "\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n\r\n");
    check_manifest(|answer| answer.framing = Framing::UntilClose, "Connection: close\r\n\r\n{\"a\":1}");
    check_manifest(|answer| answer.delivery = Delivery::Close(8), "HTTP/1.1");
    check_manifest(|answer| answer.delivery = Delivery::Close(0), "");
    check_manifest(|answer| answer.prefix = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), "{\"a\":1}");
}

#[test]
fn a_head_request_gets_no_body_and_no_fault() {
    let answer =
        exchange(Target::Manifest, |answer| answer.status = 500, "HEAD", "/v2/image/manifests/1", "");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn a_range_continues_a_blob() {
    let path = format!("/v2/image/blobs/{}", image().layer);
    let answer = exchange(Target::Token, |_| {}, "GET", &path, "Range: bytes=4-\r\n");
    assert!(
        answer.contains("Content-Range: bytes 4-9/10\r\n") && answer.ends_with("\r\n\r\n456789"),
        "{answer}"
    );
}

#[test]
fn a_fault_that_happens_once_is_followed_by_the_right_answer() {
    let fault = Fault { target: Target::Manifest, times: 1, change: Arc::new(|answer| answer.status = 500) };
    let mut state = State { image: image(), fault: Some(fault), needs_token: false };
    let (method, path) = ("GET".to_owned(), "/v2/image/manifests/1".to_owned());
    let request = Request { method, path, headers: Vec::new(), body: Vec::new() };
    let statuses = [0, 1].map(|_| answer(&request, &mut state, "h").status);
    assert_eq!(statuses, [500, 200]);
}

#[test]
fn a_registry_with_a_token_challenges_first() {
    let mut state = State { image: image(), fault: None, needs_token: true };
    let ask = |state: &mut State, path: &str, headers| {
        let (method, path, body) = ("GET".to_owned(), path.to_owned(), Vec::new());
        answer(&Request { method, path, headers, body }, state, "h").status
    };
    assert_eq!(ask(&mut state, "/v2/image/manifests/1", Vec::new()), 401);
    assert_eq!(ask(&mut state, "/token?scope=x", Vec::new()), 200);
    let token = vec![("authorization".to_owned(), "Bearer t".to_owned())];
    assert_eq!(ask(&mut state, "/v2/image/manifests/1", token), 200);
}
