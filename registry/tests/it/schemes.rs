//! Schemes: which registries are asked by plain HTTP, by TLS, or by whichever of them works.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use registry::{Client, Options, RegistryError};

use crate::server::{Answer, Server, raw};
use crate::support::{client, manifest, name, named, options};
use crate::tls;

/// A name of this machine that the client takes for one of another machine.
const ELSEWHERE: &str = "[::ffff:127.0.0.1]";

fn has_manifest() -> Server {
    Server::start(|_, _| Answer::new(200, manifest()))
}

fn has_manifest_by_tls() -> Server {
    Server::start_tls(tls::server("own"), |_, _| Answer::new(200, manifest()))
}

fn insecure(host: &str) -> Client {
    Client::new(Options { insecure: vec![host.to_owned()], ..options() })
}

#[test]
fn a_registry_on_this_machine_is_asked_by_plain_http_alone() {
    let server = has_manifest();
    client().manifest(&name(&server)).expect("the manifest");
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_registry_on_this_machine_can_speak_tls() {
    let server = has_manifest_by_tls();
    for host in [server.host(), server.host_as("localhost")] {
        client().manifest(&named(&host)).expect("the manifest");
    }
}

#[test]
fn the_scheme_that_works_is_remembered() {
    let server = has_manifest_by_tls();
    let client = client();
    client.manifest(&name(&server)).expect("the manifest");
    let before = server.connections();
    client.manifest(&name(&server)).expect("the manifest");
    assert_eq!(server.connections() - before, 1);
}

#[test]
fn a_server_that_answers_plain_http_with_400_can_mean_tls() {
    // This is how Go's servers answer, nginx in other words.
    let server = has_manifest_by_tls();
    let port: u16 = server.host().rsplit_once(':').expect("a port").1.parse().expect("a number");
    let host = raw(move |mut client| {
        let mut first = [0];
        if client.peek(&mut first).is_ok() && first[0] != 0x16 {
            let text = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
            client.write_all(text.as_bytes()).expect("it listens");
            return;
        }
        let mut server = std::net::TcpStream::connect(("127.0.0.1", port)).expect("the server");
        let (mut from, mut to) = (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        std::io::copy(&mut server, &mut client).expect("the answer");
    });
    client().manifest(&named(&host)).expect("the manifest");
}

#[test]
fn a_server_that_answers_400_for_another_reason_is_asked_by_tls_once() {
    let server = Server::start(|_, _| {
        Answer::new(400, r#"{"errors":[{"code":"NAME_INVALID","message":"no such name"}]}"#)
    });
    let client = client();
    for _ in 0..3 {
        let error = client.manifest(&name(&server)).expect_err("400");
        assert!(matches!(&error, RegistryError::BadAnswer { .. }), "{error}");
        assert!(error.to_string().contains("no such name"), "{error}");
    }
    assert_eq!(server.connections(), 5, "by plain HTTP, by TLS, and then by plain HTTP three times");
}

#[test]
fn a_bad_answer_by_plain_http_is_not_asked_for_by_tls() {
    // Silence is all that TLS would get from it: four attempts took 42 s.
    let host = raw(|mut client| {
        let mut first = [0];
        if client.peek(&mut first).is_ok() && first[0] == 0x16 {
            std::thread::sleep(Duration::from_secs(60));
        }
        let mut request = [0; 4096];
        assert!(client.read(&mut request).is_ok_and(|count| count > 0), "a request");
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
        client.write_all(answer.as_bytes()).expect("it listens");
    });
    let started = Instant::now();
    let error = Client::new(Options::default()).manifest(&named(&host)).expect_err("no manifest");
    assert!(matches!(&error, RegistryError::BadAnswer { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn an_insecure_registry_is_asked_by_tls_without_verification() {
    let server = Server::start_tls(tls::server("other"), |_, _| Answer::new(200, manifest()));
    let host = server.host_as(ELSEWHERE);
    insecure(&host).manifest(&named(&host)).expect("the manifest");
    assert_eq!(server.connections(), 1);
}

#[test]
fn an_insecure_registry_can_speak_plain_http() {
    let server = has_manifest();
    let host = server.host_as(ELSEWHERE);
    let client = insecure(&host);
    client.manifest(&named(&host)).expect("the manifest");
    let before = server.connections();
    client.manifest(&named(&host)).expect("the manifest");
    assert_eq!(server.connections() - before, 1, "asked by TLS again");
}

#[test]
fn an_insecure_registry_of_a_push_is_named_later() {
    let server = Server::start_tls(tls::server("other"), |_, _| Answer::new(200, manifest()));
    let host = server.host_as(ELSEWHERE);
    client().with_insecure(&host).manifest(&named(&host)).expect("the manifest");
}

#[test]
fn another_registry_is_never_asked_by_plain_http() {
    let server = has_manifest();
    let host = server.host_as(ELSEWHERE);
    let error = client().manifest(&named(&host)).expect_err("not by TLS");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert!(server.requests().iter().all(|request| request.method != "GET"));
}
