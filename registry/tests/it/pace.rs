//! Bodies that come a byte at a time: they end as an error within a stated time.

use std::io::Read;
use std::time::{Duration, Instant};

use registry::web::{Get, Page};
use registry::{Client, Options, Patience};

use crate::server::{Answer, Server};
use crate::support::{client, layer, manifest, name, options, options_with, pull_blob};

/// A server whose bodies come at 20 bytes a second and never end within a test.
fn slow_loris() -> Server {
    Server::start(|request, _| {
        let claimed = if request.path.contains("/blobs/") { layer().size_bytes } else { 400_000 };
        Answer::new(200, vec![b' '; 1000]).claiming(claimed).slowly(Duration::from_millis(50))
    })
}

/// Runs `pull`, which must fail because of the rate, within a few periods of half a second.
#[track_caller]
fn check(pull: impl FnOnce(&Client, &Server) -> Result<(), String>) {
    let server = slow_loris();
    let started = Instant::now();
    let error = pull(&Client::new(options_with(2)), &server).expect_err("too slow");
    assert!(error.contains("bytes a second, less than 512"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn a_manifest_that_comes_too_slowly_is_given_up() {
    check(|client, server| client.manifest(&name(server)).map(drop).map_err(|error| error.to_string()));
}

#[test]
fn a_blob_that_comes_too_slowly_is_given_up() {
    check(|client, server| pull_blob(client, server).map(drop));
}

#[test]
fn a_file_that_comes_too_slowly_is_given_up() {
    check(|client, server| {
        let url = format!("http://{}/f", server.host());
        let get = Get { url: &url, authorization: None, etag: None };
        match client.web().get(&get) {
            Ok(Page::File { mut body, .. }) => {
                body.read_to_end(&mut Vec::new()).map(drop).map_err(|error| error.to_string())
            }
            _ => panic!("no file"),
        }
    });
}

#[test]
fn a_document_has_a_total_time_whatever_its_rate() {
    let server = Server::start(|_, _| Answer::new(200, vec![b' '; 1000]).slowly(Duration::from_millis(20)));
    let limits = Patience { document: Duration::from_secs(1), min_bytes_per_s: 1, ..options().patience };
    let patience = Patience { attempts: 1, ..limits };
    let error =
        Client::new(Options { patience, ..options() }).manifest(&name(&server)).expect_err("too long");
    assert!(error.to_string().contains("the body takes longer than 1s"), "{error}");
}

#[test]
fn a_file_has_a_total_time_whatever_its_rate() {
    let server = Server::start(|_, _| Answer::new(200, vec![b' '; 1000]).slowly(Duration::from_millis(20)));
    let patience = Patience { body: Duration::from_secs(1), min_bytes_per_s: 1, ..options().patience };
    let web = Client::new(Options { patience, ..options() }).web();
    let url = format!("http://{}/f", server.host());
    let get = Get { url: &url, authorization: None, etag: None };
    let Ok(Page::File { mut body, .. }) = web.get(&get) else { panic!("no file") };
    let error = body.read_to_end(&mut Vec::new()).expect_err("too long");
    assert!(error.to_string().contains("the body takes longer than 1s"), "{error}");
}

#[test]
fn a_reader_that_is_slow_itself_is_not_the_servers_fault() {
    let server = Server::start(|_, _| Answer::new(200, crate::support::LAYER));
    let mut stream = client().blob(&name(&server), &layer()).expect("a blob");
    let mut byte = [0];
    for _ in 0..4 {
        stream.read_exact(&mut byte).expect("a byte");
        std::thread::sleep(Duration::from_millis(400));
    }
    stream.read_to_end(&mut Vec::new()).expect("the rest");
}

#[test]
fn a_slow_body_can_come_faster_from_the_next_attempt() {
    let server = Server::start(|_, count| match count {
        0 => Answer::new(200, manifest()).slowly(Duration::from_millis(50)),
        _ => Answer::new(200, manifest()),
    });
    client().manifest(&name(&server)).expect("the second time");
    assert_eq!(server.requests().len(), 2);
}
