//! Tokens: how they are asked for, and for which scope.

use oci::Digest;
use registry::Client;

use crate::server::{Answer, Request, Server};
use crate::support::{
    LAYER, USER, USER_HEADER, asks_for_token, client, client_with, layer, login, manifest, name, options,
    pull_blob,
};

fn is_token(request: &Request) -> bool {
    request.path.starts_with("/token")
}

fn paths(server: &Server) -> Vec<String> {
    server.requests().iter().map(|request| request.path.clone()).collect()
}

#[test]
fn tokens_are_fetched_once_and_renewed() {
    let server = Server::start(|request, count| {
        if is_token(request) {
            return Answer::new(200, format!(r#"{{"token":"t{count}"}}"#));
        }
        // The third request comes with a token that has run out.
        match request.header("authorization") {
            Some(token) if token.starts_with("Bearer t") && count != 3 => Answer::new(200, LAYER),
            _ => asks_for_token(request, ",service=\"a b\""),
        }
    });
    let client = client();
    pull_blob(&client, &server).expect("first");
    pull_blob(&client, &server).expect("with a token that ran out");
    pull_blob(&client, &server).expect("with the new token");
    let token = "/token?scope=repository%3Aa%2Fb%3Apull&service=a%20b";
    let blob = format!("/v2/a/b/blobs/{}", Digest::of(LAYER));
    assert_eq!(paths(&server), [&blob, token, &blob, &blob, token, &blob, &blob]);
}

/// A registry whose challenge names another scope than the image has. The token server gives a good token for that one.
fn foreign_scope(denies: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |request, _| match request.header("authorization") {
        _ if is_token(request) && denies(request) => Answer::new(403, ""),
        _ if is_token(request) => Answer::new(200, r#"{"token":"T"}"#),
        Some("Bearer T") => Answer::new(200, manifest()),
        _ => asks_for_token(request, ",scope=\"repository:special/img:pull aws\""),
    })
}

#[test]
fn the_scope_of_the_challenge_is_asked_for_beside_our_own() {
    let server = foreign_scope(|request| !request.path.contains("special"));
    client().manifest(&name(&server)).expect("allowed");
    let expected = "/token?scope=repository%3Aa%2Fb%3Apull&scope=repository%3Aspecial%2Fimg%3Apull&scope=aws";
    assert_eq!(paths(&server)[1], expected);
}

#[test]
fn a_placeholder_in_the_challenge_that_is_refused_does_no_harm() {
    let server = foreign_scope(|request| request.path.contains("special"));
    client().manifest(&name(&server)).expect("allowed");
    assert_eq!(paths(&server)[2], "/token?scope=repository%3Aa%2Fb%3Apull");
}

#[test]
fn the_same_scope_in_the_challenge_is_asked_for_once() {
    let server = Server::start(|request, _| match request.header("authorization") {
        _ if is_token(request) => Answer::new(200, r#"{"token":"T"}"#),
        Some("Bearer T") => Answer::new(200, manifest()),
        _ => asks_for_token(request, ",scope=\"repository:a/b:pull\""),
    });
    client().manifest(&name(&server)).expect("allowed");
    assert_eq!(paths(&server)[1], "/token?scope=repository%3Aa%2Fb%3Apull");
}

/// Asks for a manifest with the login `entry`; returns the request for the token.
#[track_caller]
fn token_request(entry: &str, challenge: &'static str) -> Request {
    let server = Server::start(move |request, _| match request.header("authorization") {
        _ if is_token(request) => Answer::new(200, r#"{"access_token":"T"}"#),
        Some("Bearer T") => Answer::new(200, manifest()),
        _ => asks_for_token(request, challenge),
    });
    client_with(&login(&server.host(), entry)).manifest(&name(&server)).expect("allowed");
    server.requests().into_iter().find(is_token).expect("a token was asked for")
}

#[test]
fn a_user_and_password_are_shown_to_the_token_server() {
    let request = token_request(USER, "");
    assert_eq!((request.method.as_str(), request.header("authorization")), ("GET", Some(USER_HEADER)));
}

#[test]
fn a_token_for_everybody_needs_no_login() {
    let request = token_request("{}", "");
    assert_eq!((request.method.as_str(), request.header("authorization")), ("GET", None));
}

#[test]
fn a_refresh_token_is_exchanged() {
    let request = token_request(r#"{"identitytoken":"I&I"}"#, ",scope=\"more\"");
    assert_eq!((request.method.as_str(), request.header("authorization")), ("POST", None));
    let expected = "grant_type=refresh_token&client_id=dsbuild&scope=repository%3Aa%2Fb%3Apull%20more\
                    &refresh_token=I%26I";
    assert_eq!(request.body, expected);
}

#[test]
fn a_token_for_pushing_is_another_than_for_pulling() {
    let server = Server::start(|request, _| {
        if is_token(request) {
            let token = if request.path.contains("push") { "push" } else { "pull" };
            return Answer::new(200, format!(r#"{{"token":"{token}"}}"#));
        }
        match (request.method.as_str(), request.header("authorization")) {
            ("GET", Some("Bearer pull")) | ("HEAD", Some("Bearer push")) => Answer::new(200, LAYER),
            _ => asks_for_token(request, ",service=\"s\""),
        }
    });
    let client = Client::new(options());
    client.blob(&name(&server), &layer()).expect("pulled");
    client.push_blob(&name(&server), &layer(), &|| Ok(Box::new(LAYER))).expect("there");
    let tokens: Vec<String> = paths(&server).into_iter().filter(|path| path.contains("/token")).collect();
    let expected = ["pull", "pull%2Cpush"]
        .map(|actions| format!("/token?scope=repository%3Aa%2Fb%3A{actions}&service=s"));
    assert_eq!(tokens, expected);
}

#[test]
fn a_token_server_must_have_a_url_that_a_redirect_could_have() {
    for realm in ["file:///token", "/token", "http://a@127.0.0.1/"] {
        let challenge = format!("Bearer realm=\"{realm}\"");
        let server = Server::start(move |_, _| Answer::new(401, "").with("WWW-Authenticate", &challenge));
        let error = client_with(&login(&server.host(), USER)).manifest(&name(&server)).expect_err(realm);
        assert!(error.to_string().contains("sends for a token to"), "{error}");
        assert!(server.requests().iter().all(|request| request.header("authorization").is_none()));
    }
}

#[test]
fn answers_of_a_token_server_without_a_usable_token_are_refused() {
    for answer in ["", "{}", r#"{"token":""}"#, r#"{"token":"a\r\nX-Evil: 1"}"#, r#"{"token":7}"#] {
        let server = Server::start(move |request, _| {
            if is_token(request) { Answer::new(200, answer) } else { asks_for_token(request, "") }
        });
        let error = client().manifest(&name(&server)).expect_err(answer);
        assert!(error.to_string().contains("token"), "{error}");
    }
}
