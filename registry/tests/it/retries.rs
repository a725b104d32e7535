//! Retries: which answers are asked for again, and for how long.

use std::time::{Duration, Instant};

use registry::{Client, Options, Patience, RegistryError};

use crate::server::{Answer, Server, free_port};
use crate::support::{client, manifest, name, named, options, options_with};

/// Asks for a manifest that comes after `failures` answers with `status`; expects so many requests.
#[track_caller]
fn check(status: u16, failures: usize, ok: bool, requests: usize) {
    let server =
        Server::start(
            move |_, count| {
                if count < failures { Answer::new(status, "") } else { Answer::new(200, manifest()) }
            },
        );
    let result = client().manifest(&name(&server));
    assert_eq!(result.is_ok(), ok, "{result:?}");
    assert_eq!(server.requests().len(), requests, "after {failures} times {status}");
}

#[test]
fn a_busy_server_is_asked_again() {
    check(503, 2, true, 3);
    check(429, 1, true, 2);
    check(500, 1, true, 2);
}

#[test]
fn attempts_end_where_the_caller_limits_them() {
    check(500, 9, false, 3);
}

#[test]
fn answers_that_do_not_change_are_not_asked_for_again() {
    check(404, 9, false, 1);
    check(403, 9, false, 1);
    check(418, 9, false, 1);
}

#[test]
fn a_server_that_stays_busy_is_given_up_when_the_time_is_up() {
    let server = Server::start(|_, _| Answer::new(503, ""));
    let total = Duration::from_millis(300);
    let patience = Patience { total, attempts: u32::MAX, ..options().patience };
    let started = Instant::now();
    let error = Client::new(Options { patience, ..options() }).manifest(&name(&server)).expect_err("busy");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert!(started.elapsed() >= total, "{:?}", started.elapsed());
    assert!(server.requests().len() > 3, "{} requests", server.requests().len());
}

#[test]
fn a_server_can_ask_for_a_pause() {
    let server = Server::start(|_, count| match count {
        0 => Answer::new(429, "").with("Retry-After", "1"),
        _ => Answer::new(200, manifest()),
    });
    let started = Instant::now();
    client().manifest(&name(&server)).expect("the second time");
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn a_server_that_asks_for_too_long_a_pause_is_given_up_at_once() {
    let server = Server::start(|_, _| Answer::new(429, "").with("Retry-After", "99999"));
    let error = client().manifest(&name(&server)).expect_err("too long");
    assert!(error.to_string().contains("it asks to wait 99999 s"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_server_where_nobody_listens_cannot_be_reached() {
    let host = free_port().local_addr().expect("an address").to_string();
    let error = client().manifest(&named(&host)).expect_err("nobody there");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_registry_that_is_just_starting_is_waited_for() {
    let address = free_port().local_addr().expect("an address");
    let starting = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        Server::start_at(address, |_, _| Answer::new(200, manifest()))
    });
    let result = Client::new(Options::default()).manifest(&named(&address.to_string()));
    let server = starting.join().expect("started");
    result.expect("it is there after two seconds");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_server_that_stays_silent_is_given_up() {
    let server = Server::start(|_, _| {
        std::thread::sleep(Duration::from_secs(10));
        Answer::new(200, manifest())
    });
    let started = Instant::now();
    let error = Client::new(options_with(1)).manifest(&name(&server)).expect_err("silent");
    assert!(error.to_string().contains("the server sent nothing in time"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
}
