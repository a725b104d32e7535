//! Answers: headers, status, bodies up to a limit.

use std::io::Read;
use std::time::Duration;

use ureq::Body;
use ureq::http::{HeaderMap, Response};

use super::body::{Pace, PacedBody};
use super::failure::Failure;
use super::patience::Patience;

/// Largest part of an error's body that is read.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// Longest time that is spent on the body of an error: the status says what matters.
const MAX_ERROR_WAIT: Duration = Duration::from_secs(5);

/// An answer, after any redirects.
pub(crate) struct Answer {
    pub response: Response<Body>,
    /// True if the server that was asked sent it; false once a redirect led to another one.
    pub from_origin: bool,
}

/// Returns the value of a header, if it is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reports whether a status can be another one the next time.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// Turns an answer with a transient status into the failure that it is.
pub(crate) fn transient(response: Response<Body>) -> Failure {
    let seconds = header(response.headers(), "retry-after").and_then(retry_after_seconds);
    let asks = seconds.map(|seconds| format!(" (it asks to wait {seconds} s)")).unwrap_or_default();
    let reason = format!("{}{asks}", describe(response));
    Failure::Transient { reason, retry_after: seconds.map(Duration::from_secs) }
}

/// Returns the seconds that a `Retry-After` asks for; `None` for a date, because clocks differ.
pub(crate) fn retry_after_seconds(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Reads a document: a body of at most `max_bytes`, within [`Patience::document`].
pub(crate) fn read(
    response: Response<Body>,
    max_bytes: u64,
    patience: &Patience,
) -> Result<Vec<u8>, Failure> {
    let pace = Pace::new(patience, patience.document);
    let mut bytes = Vec::new();
    let mut body = PacedBody::new(response.into_body(), pace).take(max_bytes + 1);
    body.read_to_end(&mut bytes).map_err(Failure::of_body)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Failure::bad(format!("the answer has more than {max_bytes} bytes")));
    }
    Ok(bytes)
}

/// Returns the status of an answer and the server's own words about it.
pub(crate) fn describe(response: Response<Body>) -> String {
    let status = response.status();
    let patience = Patience { document: MAX_ERROR_WAIT, min_bytes_per_s: 0, ..Patience::default() };
    let text = read(response, MAX_ERROR_BYTES, &patience).unwrap_or_default();
    match message(&text) {
        // One line, whatever the server wrote.
        Some(message) => format!("status {status}: {}", message.replace(char::is_control, " ")),
        None => format!("status {status}"),
    }
}

/// Returns the first message of a registry's error document.
///
/// Source: OCI distribution specification 1.1, "Error Codes".
fn message(text: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(text).ok()?;
    let error = value.get("errors")?.get(0)?;
    error.get("message").or_else(|| error.get("code"))?.as_str().map(str::to_owned)
}
