//! HTTP requests: redirects, retries, limits.
//!
//! Invariants: `Authorization` is sent to the origin that it is for and to no other, whatever redirects say; every
//! body is read up to a limit; a request is tried a bounded number of times.

use std::io::Read;
use std::time::Duration;

use ureq::http::{HeaderMap, Request, Response};
use ureq::{Body, SendBody};

use crate::http::agents::Agents;
use crate::http::resolver::Reach;
use crate::http::url::Url;

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// The most that is read of the body of an error.
const ERROR_LIMIT_BYTES: u64 = 64 << 10;

/// Larger bodies are announced before they are sent: a refusal costs no transfer then, and can be read.
const ASK_BEFORE_BYTES: u64 = 64 << 10;

/// How many times as long as for anything else a server may take to answer what it has to store.
const STALLS_TO_STORE: u32 = 10;

/// The longest that a server may make us wait before the next attempt.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// How patient a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often a request is tried.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each.
    pub pause: Duration,
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long a server may send nothing.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 4,
            pause: Duration::from_millis(200),
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may work the next time.
    Transient { reason: String, wait: Option<Duration> },
    /// No answer will come: no such host, no certificate that we trust.
    Fatal { reason: String },
    /// An answer came that must not be.
    Bad { reason: String },
}

/// A request without a body: one that changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// For the content.
    Get,
    /// For what is said about it.
    Head,
}

/// A request with a body.
pub(crate) struct Upload<'a> {
    /// `POST` or `PUT`.
    pub method: &'static str,
    pub url: &'a Url,
    pub headers: &'a [(&'static str, String)],
    pub authorization: Option<&'a str>,
    pub body: &'a mut dyn Read,
    /// Of the body.
    pub size_bytes: u64,
}

/// An answer and whether it came from the origin that was asked.
pub(crate) struct Answer {
    pub response: Response<Body>,
    pub from_origin: bool,
}

/// Makes requests.
pub(crate) struct Http {
    agents: Agents,
}

impl Http {
    pub fn new(agents: Agents) -> Self {
        Self { agents }
    }

    pub fn patience(&self) -> Patience {
        self.agents.patience
    }

    /// Asks for `url`, following redirects. `authorization` is for the origin of `url` alone.
    pub fn fetch(
        &self,
        fetch: Fetch,
        url: &Url,
        headers: &[(&str, String)],
        authorization: Option<&str>,
    ) -> Result<Answer, Failure> {
        let (mut at, mut from_origin) = (url.clone(), true);
        for _ in 0..=MAX_REDIRECTS {
            let agent = self.agents.get(&at.origin, Reach::Wide)?;
            let mut request = match fetch {
                Fetch::Get => agent.get(at.to_string()),
                Fetch::Head => agent.head(at.to_string()),
            };
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            if let Some(authorization) = authorization.filter(|_| from_origin) {
                request = request.header("authorization", authorization);
            }
            let response = request.call().map_err(failure)?;
            let Some(next) = redirect(&at, &response)? else { return Ok(Answer { response, from_origin }) };
            if !(url.origin.may_lead_to(&next.origin) && at.origin.may_lead_to(&next.origin)) {
                return Err(bad_answer(format!("it redirects to {}", next.origin)));
            }
            // Once elsewhere, always elsewhere: a redirect back is not the registry's own word.
            from_origin &= next.origin == url.origin;
            at = next;
        }
        Err(bad_answer(format!("it redirects more than {MAX_REDIRECTS} times")))
    }

    /// Sends a body; redirects are not followed. A large one is sent once the server has said that it takes it.
    pub fn send(&self, upload: Upload<'_>) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder()
            .method(upload.method)
            .uri(upload.url.to_string())
            .header("content-length", upload.size_bytes);
        for (name, value) in upload.headers {
            request = request.header(*name, value);
        }
        if upload.size_bytes > ASK_BEFORE_BYTES {
            request = request.header("expect", "100-continue");
        }
        if let Some(authorization) = upload.authorization {
            request = request.header("authorization", authorization);
        }
        let request = request
            .body(SendBody::from_reader(upload.body))
            .map_err(|error| Failure::Fatal { reason: error.to_string() })?;
        let agent = self.agents.get(&upload.url.origin, Reach::Wide)?;
        // What was sent may have to be copied to where it stays before there is an answer.
        let patience = Some(self.patience().stall * STALLS_TO_STORE);
        let request = agent.configure_request(request).timeout_recv_response(patience).build();
        agent.run(request).map_err(failure)
    }

    /// Posts a form; redirects are not followed.
    pub fn post_form(&self, url: &Url, form: &str) -> Result<Response<Body>, Failure> {
        self.agents
            .get(&url.origin, Reach::Wide)?
            .post(url.to_string())
            .content_type("application/x-www-form-urlencoded")
            .send(form)
            .map_err(failure)
    }

    /// Repeats `attempt` while it fails in a way that may pass, with growing pauses.
    pub fn persist<T>(&self, attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
        persist(self.patience(), attempt)
    }
}

/// Repeats `attempt` while it fails in a way that may pass, with growing pauses.
pub(crate) fn persist<T>(
    patience: Patience,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut pause = patience.pause;
    for _ in 1..patience.attempts {
        match attempt() {
            Err(Failure::Transient { wait, .. }) => {
                std::thread::sleep(wait.unwrap_or(pause).min(MAX_WAIT));
                pause = pause.saturating_mul(2);
            }
            done => return done,
        }
    }
    attempt()
}

/// Where a redirect leads; `None` if the answer is none.
pub(crate) fn redirect(at: &Url, response: &Response<Body>) -> Result<Option<Url>, Failure> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = header(response.headers(), "location").unwrap_or_default();
    match at.join(location) {
        Some(next) => Ok(Some(next)),
        None => Err(bad_answer(format!("it redirects to {location:?}"))),
    }
}

/// The value of a header, if it is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// True for a status that may pass.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The failure that a transient status is.
pub(crate) fn transient(response: Response<Body>) -> Failure {
    let seconds = header(response.headers(), "retry-after").and_then(|text| text.trim().parse().ok());
    let wait = seconds.map(Duration::from_secs);
    Failure::Transient { reason: describe(response), wait }
}

/// Reads a body of at most `limit_bytes`.
pub(crate) fn read(response: Response<Body>, limit_bytes: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut body = response.into_body().into_reader().take(limit_bytes + 1);
    body.read_to_end(&mut bytes)
        .map_err(|error| Failure::Transient { reason: error.to_string(), wait: None })?;
    if bytes.len() as u64 > limit_bytes {
        return Err(Failure::Bad { reason: format!("the answer has more than {limit_bytes} bytes") });
    }
    Ok(bytes)
}

/// The status of an answer and what the server says about it.
pub(crate) fn describe(response: Response<Body>) -> String {
    let status = response.status();
    let text = read(response, ERROR_LIMIT_BYTES).unwrap_or_default();
    let message = serde_json::from_slice::<serde_json::Value>(&text).ok().and_then(|value| {
        let error = value.get("errors")?.get(0)?;
        error.get("message").or_else(|| error.get("code"))?.as_str().map(str::to_owned)
    });
    match message {
        // One line, whatever the server wrote.
        Some(message) => format!("status {status}: {}", message.replace(char::is_control, " ")),
        None => format!("status {status}"),
    }
}

pub(crate) fn bad_answer(reason: String) -> Failure {
    Failure::Bad { reason }
}

pub(crate) fn failure(error: ureq::Error) -> Failure {
    let reason = error.to_string();
    match error {
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Failure::Fatal { reason }
        }
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => {
            Failure::Transient { reason, wait: None }
        }
        ureq::Error::Protocol(_) | ureq::Error::Http(_) | ureq::Error::LargeResponseHeader(..) => {
            Failure::Bad { reason }
        }
        _ => Failure::Fatal { reason },
    }
}
