//! Interim responses, with a status of 1xx: a server can send any number of them before an answer.
//!
//! They are taken out of the input before ureq sees it. ureq counts everything behind an interim response as part of the
//! head, so that a large body in the same read is too big for it, and refuses headers in a `100 Continue`.
//!
//! Source: RFC 9110, section 15.2, "Informational 1xx".

use ureq::Timeout;
use ureq::unversioned::transport::Buffers;

/// Status that ends HTTP on the connection, and therefore is an answer.
const SWITCHING_PROTOCOLS: &[u8] = b"101";

/// Drops the interim responses at the start of the input that just came in while ureq was waiting for `phase`.
///
/// While it waits for leave to send a body, an error of [`Timeout::Await100`] makes it send the body. It does so after a
/// `100 Continue`, and after other interim responses without an answer behind them.
pub(crate) fn discard(buffers: &mut dyn Buffers, phase: Timeout) -> Result<(), ureq::Error> {
    if !matches!(phase, Timeout::Await100 | Timeout::RecvResponse) {
        return Ok(());
    }
    let (mut is_any, mut may_send) = (false, false);
    while let Some(Interim { length_bytes, is_continue }) = Interim::at_start(buffers.input()) {
        buffers.input_consume(length_bytes);
        is_any = true;
        may_send |= is_continue;
    }
    may_send |= is_any && buffers.input().is_empty();
    if phase == Timeout::Await100 && may_send { Err(ureq::Error::Timeout(phase)) } else { Ok(()) }
}

/// A complete interim response.
#[derive(Debug, PartialEq, Eq)]
struct Interim {
    /// Length with the empty line at its end.
    length_bytes: usize,
    /// Whether its status is 100.
    is_continue: bool,
}

impl Interim {
    /// Returns the complete interim response that `input` begins with, or `None`.
    fn at_start(input: &[u8]) -> Option<Self> {
        let version = input.strip_prefix(b"HTTP/1.")?;
        let status = version.get(2..5).filter(|_| version[0].is_ascii_digit() && version[1] == b' ')?;
        let is_interim = status[0] == b'1' && status.iter().all(u8::is_ascii_digit);
        if !is_interim || status == SWITCHING_PROTOCOLS {
            return None;
        }
        let end = input.windows(4).position(|window| window == b"\r\n\r\n")?;
        Some(Self { length_bytes: end + 4, is_continue: status == b"100" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::unversioned::transport::LazyBuffers;

    /// Expects `input` to become `rest` in a phase, and ureq to send its body if `sends_body`.
    #[track_caller]
    fn check(phase: Timeout, input: &str, rest: &str, sends_body: bool) {
        let mut buffers = LazyBuffers::new(1 << 10, 1 << 10);
        buffers.input_append_buf()[..input.len()].copy_from_slice(input.as_bytes());
        buffers.input_appended(input.len());
        let result = discard(&mut buffers, phase);
        assert_eq!(String::from_utf8_lossy(buffers.input()), rest);
        assert_eq!(result.is_err(), sends_body, "{result:?}");
    }

    const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const ANSWER: &str = "HTTP/1.1 200 OK\r\n\r\n";

    #[test]
    fn interim_responses_before_an_answer_are_dropped() {
        let phase = Timeout::RecvResponse;
        check(phase, &format!("{CONTINUE}{HINTS}{ANSWER}body"), &format!("{ANSWER}body"), false);
        check(phase, "HTTP/1.1 100 Continue\r\nDate: now\r\n\r\n", "", false);
        check(phase, ANSWER, ANSWER, false);
        check(phase, "", "", false);
    }

    #[test]
    fn an_incomplete_interim_response_waits_for_its_end() {
        for length in 0..CONTINUE.len() {
            check(Timeout::RecvResponse, &CONTINUE[..length], &CONTINUE[..length], false);
        }
    }

    #[test]
    fn a_change_of_protocol_is_an_answer() {
        let switching = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        check(Timeout::RecvResponse, switching, switching, false);
    }

    #[test]
    fn a_body_is_sent_after_leave_and_not_after_an_answer() {
        let phase = Timeout::Await100;
        check(phase, CONTINUE, "", true);
        check(phase, "HTTP/1.1 100 Continue\r\nDate: now\r\n\r\n", "", true);
        check(phase, HINTS, "", true);
        check(phase, &format!("{HINTS}{ANSWER}"), ANSWER, false);
        check(phase, ANSWER, ANSWER, false);
        check(phase, &CONTINUE[..9], &CONTINUE[..9], false);
    }

    #[test]
    fn a_body_that_looks_like_an_interim_response_is_kept() {
        check(Timeout::RecvBody, CONTINUE, CONTINUE, false);
    }
}
