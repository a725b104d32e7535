//! Uploads in chunks: what is sent after a failure, and what happens where a registry takes none.

use std::io::Read;
use std::sync::{Arc, Mutex};

use oci::Digest;
use registry::{Client, Options, Pushed, RegistryError};

use crate::server::{Answer, Request, Server};
use crate::support::{LAYER, asks_for_token, layer, name, options};

/// Size of a chunk in these tests: [`crate::support::LAYER`] has six.
const CHUNK_BYTES: u64 = 11;

/// Bytes that a registry has of an upload, and of the blob once it is complete.
#[derive(Default)]
struct Kept {
    upload: Vec<u8>,
    blob: Vec<u8>,
}

/// A registry that takes chunks. `fault` can answer a request in its place; the number counts the requests.
fn registry(
    fault: impl Fn(&Request, usize, &mut Kept) -> Option<Answer> + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Kept>>) {
    let kept = Arc::<Mutex<Kept>>::default();
    let shared = Arc::clone(&kept);
    let server = Server::start(move |request, count| {
        let mut kept = shared.lock().expect("not poisoned");
        fault(request, count, &mut kept).unwrap_or_else(|| right(request, &mut kept))
    });
    (server, kept)
}

/// Answers as a registry should.
fn right(request: &Request, kept: &mut Kept) -> Answer {
    let at = |kept: &Kept, status| {
        let end = kept.upload.len().saturating_sub(1);
        Answer::new(status, "").with("Location", "/upload?n=1").with("Range", &format!("0-{end}"))
    };
    match request.method.as_str() {
        "HEAD" => Answer::new(404, ""),
        "POST" => {
            kept.upload.clear();
            at(kept, 202)
        }
        "GET" => at(kept, 204),
        "PATCH" => {
            let start = request.header("content-range").and_then(|range| range.split_once('-'));
            if start.and_then(|(start, _)| start.parse().ok()) != Some(kept.upload.len()) {
                return at(kept, 416);
            }
            kept.upload.extend_from_slice(request.body.as_bytes());
            at(kept, 202)
        }
        _ => {
            kept.upload.extend_from_slice(request.body.as_bytes());
            kept.blob = std::mem::take(&mut kept.upload);
            Answer::new(201, "")
        }
    }
}

fn push(server: &Server) -> Result<Pushed, RegistryError> {
    let client = Client::new(Options { upload_chunk_bytes: Some(CHUNK_BYTES), ..options() });
    client.push_blob(&name(server), &layer(), &|| Ok(Box::new(LAYER) as Box<dyn Read + Send>))
}

/// Pushes [`LAYER`]; expects the requests after the first look, in short: `P` POST, `c` PATCH, `?` GET, `f` PUT.
#[track_caller]
fn check(
    expected: &str,
    fault: impl Fn(&Request, usize, &mut Kept) -> Option<Answer> + Send + Sync + 'static,
) -> Server {
    let (server, kept) = registry(fault);
    assert_eq!(push(&server).expect("pushed"), Pushed::Sent);
    assert_eq!(kept.lock().expect("not poisoned").blob, LAYER);
    assert_eq!(requests(&server), expected);
    server
}

fn requests(server: &Server) -> String {
    let short = |request: &Request| match request.method.as_str() {
        "POST" => "P",
        "PATCH" => "c",
        "GET" => "?",
        "PUT" => "f",
        _ => "",
    };
    server.requests().iter().map(short).collect()
}

/// Returns the requests with this method in their order.
fn with_method(server: &Server, method: &str) -> Vec<Request> {
    server.requests().into_iter().filter(|request| request.method == method).collect()
}

#[test]
fn a_large_blob_is_sent_in_chunks() {
    let server = check("Pccccccf", |_, _, _| None);
    let ranges: Vec<String> = with_method(&server, "PATCH")
        .iter()
        .map(|request| request.header("content-range").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(ranges, ["0-10", "11-21", "22-32", "33-43", "44-54", "55-59"]);
    let last = &with_method(&server, "PUT")[0];
    assert_eq!(last.path, format!("/upload?n=1&digest={}", Digest::of(LAYER)));
    assert_eq!(last.body, "");
}

#[test]
fn a_chunk_that_was_lost_is_sent_again_and_no_other() {
    check("Pcc?cccccf", |request, count, _| {
        (request.method == "PATCH" && count == 3).then(|| Answer::new(503, ""))
    });
}

#[test]
fn a_chunk_that_was_kept_is_not_sent_again() {
    check("Pcc?ccccf", |request, count, kept| {
        (request.method == "PATCH" && count == 3).then(|| {
            right(request, kept);
            Answer::new(500, "")
        })
    });
}

#[test]
fn a_part_of_a_chunk_that_was_kept_is_not_sent_again() {
    let server = check("Pcc?cccccf", |request, count, kept| {
        (request.method == "PATCH" && count == 3).then(|| {
            kept.upload.extend_from_slice(&request.body.as_bytes()[..4]);
            Answer::new(502, "")
        })
    });
    assert_eq!(with_method(&server, "PATCH")[2].header("content-range"), Some("15-25"));
}

#[test]
fn a_registry_that_keeps_less_than_it_was_sent_gets_the_rest() {
    let server = check("Pcccccccf", |request, count, kept| {
        (request.method == "PATCH" && count == 2).then(|| {
            kept.upload.extend_from_slice(&request.body.as_bytes()[..4]);
            Answer::new(202, "").with("Range", "0-3")
        })
    });
    assert_eq!(with_method(&server, "PATCH")[1].header("content-range"), Some("4-14"));
}

#[test]
fn a_registry_that_has_lost_count_is_asked() {
    check("Pcc?cccccf", |request, count, kept| {
        (request.method == "PATCH" && count == 3).then(|| {
            kept.upload.truncate(5);
            Answer::new(416, "")
        })
    });
}

#[test]
fn a_registry_that_takes_no_chunks_gets_the_blob_in_one_request() {
    for status in [400, 404, 405, 501] {
        let server =
            check("PcPf", move |request, _, _| (request.method == "PATCH").then(|| Answer::new(status, "")));
        assert_eq!(with_method(&server, "PUT")[0].body.as_bytes(), LAYER, "{status}");
    }
}

#[test]
fn an_upload_that_the_registry_has_forgotten_starts_anew() {
    check("Pcc?Pf", |request, count, _| match request.method.as_str() {
        "PATCH" if count == 3 => Some(Answer::new(503, "")),
        "GET" => Some(Answer::new(404, "")),
        _ => None,
    });
}

#[test]
fn a_registry_can_want_larger_chunks() {
    check("Pccf", |request, _, kept| {
        (request.method == "POST").then(|| right(request, kept).with("OCI-Chunk-Min-Length", "40"))
    });
}

#[test]
fn a_blob_that_is_too_large_is_refused_at_once() {
    let (server, _) = registry(|request, _, _| (request.method == "PATCH").then(|| Answer::new(413, "")));
    let error = push(&server).expect_err("too large");
    assert!(error.to_string().contains("status 413"), "{error}");
    assert_eq!(requests(&server), "Pc");
}

#[test]
fn a_token_that_runs_out_in_mid_transfer_is_renewed() {
    let (server, kept) = registry(|request, count, kept| {
        if request.path.starts_with("/token") {
            return Some(Answer::new(200, format!(r#"{{"token":"t{count}"}}"#)));
        }
        // Tokens are good for three requests.
        let token: Option<usize> =
            request.header("authorization").and_then(|value| value.strip_prefix("Bearer t")?.parse().ok());
        match token {
            Some(token) if count <= token + 3 => Some(right(request, kept)),
            _ => Some(asks_for_token(request, "")),
        }
    });
    assert_eq!(push(&server).expect("pushed"), Pushed::Sent);
    assert_eq!(kept.lock().expect("not poisoned").blob, LAYER);
    assert!(with_method(&server, "GET").len() > 2, "{}", requests(&server));
}
