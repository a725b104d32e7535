//! Faults of transport: answers that break off, stall, lie about their length, refuse or lead astray.

use std::sync::Arc;

use crate::random::Random;

use super::image::Image;
use super::message::{Answer, Delivery, Fault, Framing, Target};
use super::{Case, Expect};

/// Change of an answer. The second parameter is a random position in the answer.
type Change = fn(&mut Answer, usize);

/// One fault, with the expected outcome if it happens once and if it happens always; `None` leaves the case out.
struct Row {
    name: &'static str,
    once: Option<Expect>,
    always: Option<Expect>,
    /// The fault takes the client's patience, so that the short form leaves it out.
    is_slow: bool,
    change: Change,
}

const fn row(name: &'static str, once: Option<Expect>, always: Option<Expect>, change: Change) -> Row {
    Row { name, once, always, is_slow: false, change }
}

const fn slow(name: &'static str, once: Option<Expect>, always: Option<Expect>, change: Change) -> Row {
    Row { name, once, always, is_slow: true, change }
}

const SUCCESS: Option<Expect> = Some(Expect::Success);
const FAILURE: Option<Expect> = Some(Expect::Failure);
const EITHER: Option<Expect> = Some(Expect::Either);

/// All faults of transport. A transient fault that happens once must not fail the build.
const ROWS: [Row; 49] = [
    row("reset", SUCCESS, None, |answer, position| answer.delivery = Delivery::Reset(position)),
    row("reset before the answer", SUCCESS, None, |answer, _| answer.delivery = Delivery::Reset(0)),
    row("close", SUCCESS, None, |answer, position| answer.delivery = Delivery::Close(position)),
    row("close before the answer", SUCCESS, None, |answer, _| answer.delivery = Delivery::Close(0)),
    slow("reset each time", None, EITHER, |answer, position| answer.delivery = Delivery::Reset(position)),
    slow("reset before each answer", None, FAILURE, |answer, _| answer.delivery = Delivery::Reset(0)),
    slow("close each time", None, EITHER, |answer, position| answer.delivery = Delivery::Close(position)),
    row("500", SUCCESS, None, |answer, _| answer.status = 500),
    row("502", SUCCESS, None, |answer, _| answer.status = 502),
    row("503", SUCCESS, None, |answer, _| answer.status = 503),
    row("504", SUCCESS, None, |answer, _| answer.status = 504),
    row("429 with Retry-After: 1", SUCCESS, None, |answer, _| later(answer, 429, "1")),
    row("503 with Retry-After: 1", SUCCESS, None, |answer, _| later(answer, 503, "1")),
    slow("429 with Retry-After: 99999", EITHER, FAILURE, |answer, _| later(answer, 429, "99999")),
    slow("429 with a huge Retry-After", EITHER, FAILURE, |answer, _| {
        later(answer, 429, "9".repeat(40).as_str())
    }),
    row("429 with a Retry-After that is no number", EITHER, None, |answer, _| later(answer, 429, "soon")),
    slow("500 each time", None, FAILURE, |answer, _| answer.status = 500),
    slow("503 each time", None, FAILURE, |answer, _| answer.status = 503),
    slow("429 each time", None, FAILURE, |answer, _| later(answer, 429, "1")),
    row("400", None, FAILURE, |answer, _| answer.status = 400),
    row("401 without a challenge", None, FAILURE, |answer, _| answer.status = 401),
    row("403", None, FAILURE, |answer, _| answer.status = 403),
    row("404", None, FAILURE, |answer, _| answer.status = 404),
    row("418", None, FAILURE, |answer, _| answer.status = 418),
    row("204", None, FAILURE, |answer, _| {
        answer.status = 204;
        answer.body.clear();
    }),
    row("304", None, FAILURE, |answer, _| {
        answer.status = 304;
        answer.body.clear();
    }),
    row("redirect to itself", SUCCESS, FAILURE, |answer, _| redirect(answer, None)),
    row("redirect to a closed port", None, FAILURE, |answer, _| {
        redirect(answer, Some("http://127.0.0.1:1/x"))
    }),
    row("redirect to link-local", None, FAILURE, |answer, _| {
        redirect(answer, Some("http://169.254.169.254/x"))
    }),
    row("redirect to a file", None, FAILURE, |answer, _| redirect(answer, Some("file:///etc/passwd"))),
    row("redirect without a location", None, FAILURE, |answer, _| answer.status = 307),
    row("HTML", None, FAILURE, |answer, _| {
        answer.header("Content-Type", "text/html");
        answer.body = b"<html><body>please log in</body></html>".to_vec();
    }),
    row("empty body", EITHER, FAILURE, |answer, _| answer.body.clear()),
    row("no HTTP", EITHER, FAILURE, |answer, _| {
        answer.prefix = b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec();
        answer.delivery = Delivery::Close(23);
    }),
    row("length too large", EITHER, None, |answer, _| overstate(answer)),
    slow("length too large each time", None, FAILURE, |answer, _| overstate(answer)),
    row("length too small", EITHER, FAILURE, |answer, _| answer.framing = Framing::Length(-10)),
    row("no length", None, SUCCESS, |answer, _| answer.framing = Framing::UntilClose),
    row("HTTP/1.0", None, SUCCESS, |answer, _| answer.framing = Framing::Http10),
    row("two lengths", EITHER, EITHER, |answer, _| {
        answer.headers.push(("Content-Length".to_owned(), "1".to_owned()));
    }),
    row("redirect with a user and a password", None, FAILURE, |answer, _| {
        redirect(answer, Some("http://user:password@HOST/v2/image/manifests/1"));
    }),
    row("redirect to another name of the registry", None, EITHER, |answer, _| {
        redirect(answer, Some("http://[::ffff:7f00:1]/v2/image/manifests/1"));
    }),
    row("chunks", None, SUCCESS, |answer, _| answer.framing = Framing::Chunked),
    row("a broken chunk", SUCCESS, None, |answer, position| {
        answer.framing = Framing::Chunked;
        answer.delivery = Delivery::Close(position);
    }),
    row("100 Continue first", None, SUCCESS, |answer, _| {
        answer.prefix = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    }),
    row("a header of 1 MB", EITHER, EITHER, |answer, _| answer.header("X-Large", &"x".repeat(1 << 20))),
    row("a body without end", EITHER, FAILURE, |answer, _| {
        answer.framing = Framing::UntilClose;
        answer.delivery = Delivery::Endless;
    }),
    // A layer that breaks off each time can still be resumed to its end.
    slow("stall", EITHER, EITHER, |answer, position| answer.delivery = Delivery::Stall(position)),
    slow("one byte per second", EITHER, EITHER, |answer, position| {
        answer.delivery = Delivery::Drip(position.min(answer.body.len() / 2));
    }),
];

/// Faults of the content of a blob or manifest, which only a digest or a parser can notice.
const CONTENT_ROWS: [Row; 3] = [
    row("a flipped bit", EITHER, FAILURE, |answer, position| {
        if let Some(byte) = answer.body.get_mut(position.saturating_sub(1)) {
            *byte ^= 1;
        }
    }),
    row("bytes appended", EITHER, FAILURE, |answer, _| answer.body.extend(b"garbage")),
    row("Content-Encoding: gzip without gzip", EITHER, EITHER, |answer, _| {
        answer.header("Content-Encoding", "gzip");
    }),
];

/// Faults of a registry that wants tokens: one that has run out is renewed.
const TOKEN_ROWS: [Row; 2] = [
    row("a token that has run out", SUCCESS, FAILURE, |answer, _| {
        answer.status = 401;
        answer.body.clear();
        answer.header("WWW-Authenticate", r#"Bearer realm="http://HOST/token",service="sweep""#);
    }),
    row("a token server elsewhere", EITHER, FAILURE, |answer, _| {
        answer.status = 401;
        answer.body.clear();
        answer.header("WWW-Authenticate", r#"Bearer realm="http://169.254.169.254/token",service="sweep""#);
    }),
];

/// Faults of a registry that takes a push. The server has read the whole request when it answers.
const PUSH_ROWS: [Row; 23] = [
    row("reset before the answer", SUCCESS, None, |answer, _| refuse(answer, Delivery::Reset(0))),
    row("close before the answer", SUCCESS, None, |answer, _| refuse(answer, Delivery::Close(0))),
    row("reset after the request was kept", SUCCESS, None, |answer, _| answer.delivery = Delivery::Reset(0)),
    slow("reset before each answer", None, FAILURE, |answer, _| refuse(answer, Delivery::Reset(0))),
    row("500", SUCCESS, None, |answer, _| answer.status = 500),
    row("502", SUCCESS, None, |answer, _| answer.status = 502),
    row("503", SUCCESS, None, |answer, _| answer.status = 503),
    row("429 with Retry-After: 1", SUCCESS, None, |answer, _| later(answer, 429, "1")),
    slow("500 each time", None, FAILURE, |answer, _| answer.status = 500),
    slow("429 each time", None, FAILURE, |answer, _| later(answer, 429, "1")),
    row("400", None, FAILURE, |answer, _| answer.status = 400),
    row("401 without a challenge", None, FAILURE, |answer, _| answer.status = 401),
    row("403", None, FAILURE, |answer, _| answer.status = 403),
    row("404", None, FAILURE, |answer, _| answer.status = 404),
    row("413", None, FAILURE, |answer, _| answer.status = 413),
    row("redirect to link-local", None, FAILURE, |answer, _| {
        redirect(answer, Some("http://169.254.169.254/x"))
    }),
    row("redirect to a file", None, FAILURE, |answer, _| redirect(answer, Some("file:///etc/passwd"))),
    row("no HTTP", EITHER, FAILURE, |answer, _| {
        answer.status = 500;
        answer.prefix = b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec();
        answer.delivery = Delivery::Close(23);
    }),
    row("location in link-local", None, EITHER, |answer, _| lead(answer, "http://169.254.169.254/x")),
    row("location at a closed port", None, EITHER, |answer, _| lead(answer, "http://127.0.0.1:1/x")),
    row("location in a file", None, EITHER, |answer, _| lead(answer, "file:///etc/passwd")),
    row("another digest", None, EITHER, |answer, _| {
        answer.header("Docker-Content-Digest", &format!("sha256:{}", "0".repeat(64)));
    }),
    slow("stall", EITHER, FAILURE, |answer, _| refuse(answer, Delivery::Stall(0))),
];

/// Makes the registry keep nothing and deliver nothing.
fn refuse(answer: &mut Answer, delivery: Delivery) {
    answer.status = 500;
    answer.delivery = delivery;
}

/// Makes the answer lead elsewhere, where it leads at all.
fn lead(answer: &mut Answer, location: &str) {
    answer.header("Location", location);
}

/// Returns the cases of all faults while an image is pushed.
pub fn push_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for target in [Target::Start, Target::Upload, Target::Publish] {
        for row in &PUSH_ROWS {
            for (times, expect) in [(1, row.once), (usize::MAX, row.always)] {
                let Some(expect) = expect else { continue };
                let new = case(&Image::default(), row, (target, times, 0), expect);
                cases.push(Case { name: format!("push: {}", new.name), is_push: true, ..new });
            }
        }
    }
    cases
}

fn later(answer: &mut Answer, status: u16, after: &str) {
    answer.status = status;
    answer.header("Retry-After", after);
}

/// Announces more bytes than follow.
fn overstate(answer: &mut Answer) {
    answer.framing = Framing::Length(10);
    answer.delivery = Delivery::Close(usize::MAX);
}

/// Turns the answer into a redirect, to its own path by default.
fn redirect(answer: &mut Answer, location: Option<&str>) {
    let location = location.unwrap_or(&answer.path).to_owned();
    answer.status = 307;
    answer.header("Location", &location);
}

/// Returns the cases of all faults at a manifest, a configuration, a layer, and a token.
pub fn cases(image: &Image, random: &mut Random) -> Vec<Case> {
    let sizes = [
        (Target::Manifest, image.manifest.len()),
        (Target::Config, image.blobs[&image.config].len()),
        (Target::Layer, image.blobs[&image.layer].len()),
        (Target::Token, 50),
    ];
    let mut cases = Vec::new();
    for (target, size) in sizes {
        let content: &[Row] =
            if matches!(target, Target::Config | Target::Layer) { &CONTENT_ROWS } else { &[] };
        let tokens: &[Row] = if target == Target::Token { &[] } else { &TOKEN_ROWS };
        for row in ROWS.iter().chain(content).chain(tokens) {
            for (times, expect) in [(1, row.once), (usize::MAX, row.always)] {
                let Some(expect) = expect else { continue };
                let position = random.below(size);
                cases.push(case(image, row, (target, times, position), expect));
            }
        }
    }
    cases
}

fn case(image: &Image, row: &Row, place: (Target, usize, usize), expect: Expect) -> Case {
    let ((target, times, position), change) = (place, row.change);
    let often = if times == 1 { "once" } else { "always" };
    let name = format!("{}, {often}, at {target:?} (byte {position})", row.name);
    let changed = Arc::new(move |answer: &mut Answer| change(answer, position));
    let fault = Some(Fault { target, times, change: changed });
    // A stall or a slow answer that happens once is as slow as one that happens always.
    Case {
        name,
        image: image.clone(),
        fault,
        needs_token: target == Target::Token,
        expect,
        is_slow: row.is_slow,
        is_push: false,
    }
}
