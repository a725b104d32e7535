//! Blobs: they are their bytes or an error, and resume where they broke off.

use std::io::Read;

use oci::{Descriptor, Digest, media_type};
use registry::Client;

use crate::server::{Answer, Request, Server};
use crate::support::{LAYER, client, layer, name, options_with, pull_blob};

/// Pulls a blob that is `answer`; expects its bytes, or part of an error.
#[track_caller]
fn check(answer: Answer, complaint: Option<&str>) {
    let server = Server::start(move |_, _| answer.clone());
    match (pull_blob(&client(), &server), complaint) {
        (Ok(bytes), None) => assert_eq!(bytes, LAYER),
        (Err(error), Some(part)) => assert!(error.contains(part), "{error}"),
        (result, complaint) => panic!("{result:?}, not {complaint:?}"),
    }
}

#[test]
fn a_blob_must_have_its_digest() {
    let mut other = LAYER.to_vec();
    other[3] ^= 1;
    check(Answer::new(200, LAYER), None);
    check(Answer::new(200, other), Some("expected sha256:"));
}

#[test]
fn a_blob_must_have_its_size() {
    let size = LAYER.len() as u64;
    check(Answer::new(200, &LAYER[1..]), Some("59 bytes where 60 were announced"));
    check(Answer::new(200, [LAYER, b"!"].concat()), Some("61 bytes where 60"));
    check(Answer::new(200, LAYER).claiming(u64::MAX), Some("where 60 were announced"));
    check(Answer::new(200, LAYER).endless(), Some("longer than"));
    check(Answer::new(200, &LAYER[..9]).claiming(size), Some("broke off"));
}

fn range_start(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

/// Pulls a blob that breaks off after 20 bytes; `rest` answers the requests after that, given where they start.
#[track_caller]
fn check_rest(rest: impl Fn(usize) -> Answer + Send + Sync + 'static, ok: bool) {
    let server = Server::start(move |request, _| match range_start(request) {
        None => Answer::new(200, &LAYER[..20]).claiming(LAYER.len() as u64),
        Some(start) => rest(start),
    });
    let result = pull_blob(&client(), &server);
    assert_eq!(result.as_deref().ok(), ok.then_some(LAYER), "{result:?}");
    assert_eq!(range_start(&server.requests()[1]), Some(20));
}

fn part(start: usize) -> Answer {
    let range = format!("bytes {start}-{}/{}", LAYER.len() - 1, LAYER.len());
    Answer::new(206, &LAYER[start..]).with("Content-Range", &range)
}

#[test]
fn a_transfer_that_breaks_off_is_resumed() {
    check_rest(part, true);
}

/// Asks for a blob without its first 20 bytes, and returns what comes.
fn pull_rest(server: &Server) -> Vec<u8> {
    let mut rest = Vec::new();
    let stream = client().blob_from(&name(server), &layer(), 20);
    stream.expect("opened").read_to_end(&mut rest).expect("read");
    rest
}

#[test]
fn a_transfer_of_an_earlier_run_is_resumed() {
    let server = Server::start(|request, _| part(range_start(request).expect("a range")));
    assert_eq!(pull_rest(&server), &LAYER[20..]);
    let server = Server::start(|_, _| Answer::new(200, LAYER));
    assert_eq!(pull_rest(&server), &LAYER[20..], "by a server without ranges");
}

#[test]
fn a_server_without_ranges_sends_everything_again() {
    check_rest(|_| Answer::new(200, LAYER), true);
}

#[test]
fn another_part_than_the_missing_one_is_refused() {
    check_rest(|start| part(start + 1), false);
    check_rest(|_| Answer::new(206, &LAYER[..40]), false);
    check_rest(|_| Answer::new(416, ""), false);
}

#[test]
fn a_rest_with_other_bytes_is_refused() {
    check_rest(|start| Answer::new(200, [&LAYER[..start], &vec![b'x'; LAYER.len() - start]].concat()), false);
}

#[test]
fn interim_responses_can_come_before_a_large_blob() {
    let content = vec![7; 400_000];
    let blob = Descriptor::new(media_type::LAYER_TAR, Digest::of(&content), content.len() as u64);
    let served = content.clone();
    let host = crate::server::raw(move |mut stream| {
        let _request = stream.read(&mut [0; 4096]).expect("a request");
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", served.len());
        let answer = [interim.as_bytes(), head.as_bytes(), &served[..]].concat();
        std::io::Write::write_all(&mut stream, &answer).expect("the client is there");
    });
    let client = Client::new(options_with(1));
    let mut stream = client.blob(&crate::support::named(&host), &blob).expect("a blob");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("all of the blob");
    assert_eq!(bytes, content);
}
