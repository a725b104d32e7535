//! Files by HTTP(S) that belong to no image: the URLs of ADD and of build contexts.
//!
//! Invariants: only `http` and `https`, by the rules of [`crate::http::redirect`]. A URL that the user's files name can
//! lead into a private network, since people have servers there; a server of the public internet cannot lead there by a
//! redirect, whatever name it gives.

use std::io::Read;

use ureq::Body;
use ureq::http::Response;

use crate::http::agents::Agents;
use crate::http::body::{Pace, PacedBody};
use crate::http::failure::Failure;
use crate::http::redirect::{self, Fetch, Method, Rules};
use crate::http::response::{header, is_transient, transient};
use crate::http::retry;
use crate::http::url::Url;

pub use crate::http::url::{is_forbidden, is_private};

/// Client for files by HTTP; it has no logins of its own. Shared between threads.
#[derive(Debug)]
pub struct Web {
    agents: Agents,
}

/// A request for a file.
#[derive(Debug, Clone, Copy)]
pub struct Get<'a> {
    /// URL as the user wrote it. Spaces and characters beyond ASCII are sent in percent form.
    pub url: &'a str,
    /// Value of `Authorization`, for the origin of the URL only; `None` sends none.
    pub authorization: Option<&'a str>,
    /// `ETag` of the copy that the caller has; the answer is then [`Page::NotModified`] if it still holds.
    pub etag: Option<&'a str>,
}

/// Answer to a [`Get`].
pub enum Page {
    /// The caller's copy still holds.
    NotModified,
    /// The server sends the file.
    File {
        /// Its `ETag`, if the server sent one.
        etag: Option<String>,
        /// Its `Last-Modified` as sent, if the server sent one.
        last_modified: Option<String>,
        /// Its bytes. The last read fails if the body ends too early, and any read if it is too slow.
        body: Box<dyn Read + Send>,
    },
}

/// Situation in which there is no file.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// The caller canceled the request.
    #[error("canceled")]
    Canceled,
    /// The URL cannot be asked for: it is relative, has another scheme, or names a user.
    #[error("invalid URL")]
    Url,
    /// The server has no such file, or does not give it.
    #[error("invalid response status {status}")]
    Status {
        /// HTTP status of the answer.
        status: u16,
    },
    /// The server redirects to a forbidden place, or is at a forbidden address.
    #[error("refused: {reason}")]
    Refused {
        /// Place that is forbidden.
        reason: String,
    },
    /// The server could not be reached, or stayed too busy or too slow to answer.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// Server of the URL, as `host:port`.
        host: String,
        /// Cause, without the name of the server.
        reason: String,
    },
}

impl Web {
    /// Makes a client; nothing is read or connected to before it is needed.
    pub(crate) fn new(agents: Agents) -> Self {
        Self { agents }
    }

    /// Asks for a file, again and again while its server is busy.
    pub fn get(&self, request: &Get<'_>) -> Result<Page, WebError> {
        let url = Url::parse(&encoded(request.url)).ok_or(WebError::Url)?;
        let response =
            retry::persist(self.agents.patience, &self.agents.cancel, || self.attempt(&url, request))
                .map_err(|failure| named(failure, &url))?;
        match response.status().as_u16() {
            304 if request.etag.is_some() => Ok(Page::NotModified),
            200 => Ok(self.page(response)),
            status => Err(WebError::Status { status }),
        }
    }

    fn attempt(&self, url: &Url, request: &Get<'_>) -> Result<Response<Body>, Failure> {
        let etag = request.etag.map(|etag| ("if-none-match", etag.to_owned()));
        let headers: Vec<_> = etag.into_iter().collect();
        let authorization = request.authorization;
        let fetch = Fetch { method: Method::Get, url, headers: &headers, authorization };
        let response = redirect::follow(&self.agents, &fetch, Rules::WEB)?.response;
        if is_transient(response.status().as_u16()) { Err(transient(response)) } else { Ok(response) }
    }

    fn page(&self, response: Response<Body>) -> Page {
        let header = |name| header(response.headers(), name).map(str::to_owned);
        let (etag, last_modified) = (header("etag"), header("last-modified"));
        let pace = Pace::new(&self.agents.patience, self.agents.patience.body);
        Page::File { etag, last_modified, body: Box::new(PacedBody::new(response.into_body(), pace)) }
    }
}

/// Turns a failure into the error that names the server.
fn named(failure: Failure, url: &Url) -> WebError {
    let host = format!("{}:{}", url.origin.host, url.origin.port);
    match failure {
        Failure::Canceled => WebError::Canceled,
        Failure::Bad { reason } | Failure::NotHttp { reason } | Failure::Forbidden { reason } => {
            WebError::Refused { reason }
        }
        failure => WebError::Unreachable { host, reason: failure.to_string() },
    }
}

/// Writes spaces and bytes beyond ASCII in percent form, and leaves everything else as it is.
fn encoded(url: &str) -> String {
    let encode = |byte: u8| match byte {
        b' ' | 0x80.. => format!("%{byte:02X}"),
        byte => char::from(byte).to_string(),
    };
    url.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_made_ascii() {
        assert_eq!(encoded("http://h/a b/ä%20?x=#y"), "http://h/a%20b/%C3%A4%20?x=#y");
    }
}
