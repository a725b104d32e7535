//! Manifests: which are taken, and under which digest.

use oci::{Digest, Reference, media_type};
use registry::RegistryError;

use crate::server::{Answer, Server};
use crate::support::{asks_for_token, client, manifest, name};

/// Asks for a manifest that is `answer`; expects its media type, or part of an error.
#[track_caller]
fn check(answer: Answer, expected: Result<&str, &str>) {
    let server = Server::start(move |_, _| answer.clone());
    match (client().manifest(&name(&server)), expected) {
        (Ok(raw), Ok(media_type)) => assert_eq!(raw.media_type, media_type),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (result, expected) => panic!("{result:?}, not {expected:?}"),
    }
}

fn typed(body: &[u8], kind: &str) -> Answer {
    Answer::new(200, body).with("Content-Type", kind)
}

#[test]
fn the_document_says_its_type_and_the_header_must_agree() {
    check(typed(&manifest(), media_type::MANIFEST), Ok(media_type::MANIFEST));
    check(typed(&manifest(), "application/json; charset=utf-8"), Ok(media_type::MANIFEST));
    check(typed(&manifest(), media_type::INDEX), Err("announced"));
}

#[test]
fn documents_that_are_no_manifest_are_refused() {
    check(typed(br#"{"schemaVersion":2,"manifests":[],"layers":[]}"#, "text/plain"), Err("ambiguous"));
    check(
        typed(br#"{"schemaVersion":1}"#, "application/vnd.docker.distribution.manifest.v1+json"),
        Err("not a container image"),
    );
    check(typed(b"<html>", "text/html"), Err("cannot be read"));
    let own = String::from_utf8(manifest()).expect("text");
    let twice = own.replacen("\"layers\":", "\"layers\":[],\"layers\":", 1);
    check(typed(twice.as_bytes(), ""), Err("duplicate field"));
}

#[test]
fn a_manifest_must_have_the_digest_that_the_server_names() {
    let wrong = Digest::of(b"else").to_string();
    check(typed(&manifest(), "").with("Docker-Content-Digest", &wrong), Err("was expected"));
    check(typed(&manifest(), "").with("Docker-Content-Digest", "sha512:00"), Ok(media_type::MANIFEST));
}

#[test]
fn a_pinned_manifest_must_have_its_digest() {
    let server = Server::start(|_, _| Answer::new(200, manifest()));
    let pinned = |digest| Reference { digest: Some(digest), ..name(&server) };
    client().manifest(&pinned(Digest::of(&manifest()))).expect("the right one");
    let error = client().manifest(&pinned(Digest::of(b"else"))).expect_err("the wrong one");
    assert!(error.to_string().contains("was expected"), "{error}");
    assert!(server.requests()[0].path.contains("/manifests/sha256:"), "asked for by digest");
}

#[test]
fn a_manifest_has_four_mebibytes_at_most() {
    check(Answer::new(200, "").endless(), Err("more than 4194304 bytes"));
}

#[test]
fn a_token_has_64_kibibytes_at_most() {
    let server = Server::start(|request, _| {
        if request.path.starts_with("/token") {
            Answer::new(200, "").endless()
        } else {
            asks_for_token(request, "")
        }
    });
    let error = client().manifest(&name(&server)).expect_err("an endless token");
    assert!(error.to_string().contains("more than 65536 bytes"), "{error}");
}

#[test]
fn the_body_of_an_error_is_not_read_to_its_end() {
    check(Answer::new(418, "").endless(), Err("status 418"));
}

#[test]
fn an_image_that_does_not_exist_is_not_found() {
    let server = Server::start(|_, _| Answer::new(404, ""));
    let error = client().manifest(&name(&server)).expect_err("not there");
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
}
