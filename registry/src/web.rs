//! Files by HTTP(S) that are no part of an image: what ADD and build contexts name.
//!
//! Invariants: only `http` and `https`, at most ten redirects, none from `https` to `http`. A connection is made to the
//! addresses that were looked at and to no others, so that a name that resolves to something else a moment later gains
//! nothing: never to link-local and metadata addresses; and a server of the public internet cannot lead us by a
//! redirect, whatever name it gives, to this machine or a private network. A URL that the user's files name may: servers
//! there are what people have. `Authorization` goes to the origin it is for and to no other.
//!
//! Behind a proxy the proxy looks names up; then only addresses that a URL spells out are judged.

use std::io::Read;
use std::net::ToSocketAddrs as _;

use ureq::Body;
use ureq::http::Response;

use crate::http::agents::Agents;
use crate::http::request::{self as http, Failure};
use crate::http::resolver::{NotAllowed, Reach};
use crate::http::url::{self, Origin, Url};

pub use crate::http::url::{is_forbidden, is_private};

/// The most redirects that are followed; Go's limit.
const MAX_REDIRECTS: usize = 10;

/// Gets files. Shared between threads.
#[derive(Debug)]
pub struct Web {
    agents: Agents,
}

/// What to ask for.
#[derive(Debug, Clone, Copy)]
pub struct Get<'a> {
    /// The URL; characters that none may have are sent in percent form.
    pub url: &'a str,
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
    /// The `ETag` of what is here: an answer of [`Page::NotModified`] says that it is still that.
    pub etag: Option<&'a str>,
}

/// An answer.
pub enum Page {
    /// What is here is still right.
    NotModified,
    /// The file.
    File {
        /// Its `ETag`.
        etag: Option<String>,
        /// Its `Last-Modified`, as sent.
        last_modified: Option<String>,
        /// Its bytes; a body that ends too early is an error of the last read.
        body: Box<dyn Read + Send>,
    },
}

/// A file that cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// It is no URL that can be asked for.
    #[error("invalid URL")]
    Url,
    /// The server has no such file, or does not give it.
    #[error("invalid response status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// The server led to where it must not, or is where nobody may be asked.
    #[error("refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// It cannot be reached.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// Why not.
        reason: String,
    },
}

impl Web {
    /// Nothing is read or connected to before it is needed.
    pub(crate) fn new(agents: Agents) -> Self {
        Self { agents }
    }

    /// Asks for a file.
    pub fn get(&self, request: &Get<'_>) -> Result<Page, WebError> {
        let url = Url::parse(&encoded(request.url)).ok_or(WebError::Url)?;
        let host = format!("{}:{}", url.origin.host, url.origin.port);
        let response =
            http::persist(self.agents.patience, || self.follow(&url, request)).map_err(|failure| {
                match failure {
                    Failure::Bad { reason } => WebError::Refused { reason },
                    Failure::Transient { reason, .. } | Failure::Fatal { reason } => {
                        WebError::Unreachable { host: host.clone(), reason }
                    }
                }
            })?;
        match response.status().as_u16() {
            304 if request.etag.is_some() => Ok(Page::NotModified),
            200 => Ok(page(response)),
            status => Err(WebError::Status { status }),
        }
    }

    fn follow(&self, url: &Url, request: &Get<'_>) -> Result<Response<Body>, Failure> {
        let (mut at, mut from_origin) = (url.clone(), true);
        for _ in 0..=MAX_REDIRECTS {
            let agent = self.agents.get(&at.origin, self.reach(&url.origin, &at.origin)?)?;
            let mut get = agent.get(at.to_string()).header("accept", "*/*");
            if let Some(etag) = request.etag {
                get = get.header("if-none-match", etag);
            }
            if let Some(authorization) = request.authorization.filter(|_| from_origin) {
                get = get.header("authorization", authorization);
            }
            let response = get.call().map_err(failure)?;
            if http::is_transient(response.status().as_u16()) {
                return Err(http::transient(response));
            }
            let Some(next) = http::redirect(&at, &response)? else { return Ok(response) };
            if !(url.origin.may_lead_to(&next.origin) && at.origin.may_lead_to(&next.origin)) {
                return Err(http::bad_answer(format!("it redirects to {}", next.origin)));
            }
            from_origin &= next.origin == url.origin;
            at = next;
        }
        Err(http::bad_answer(format!("it redirects more than {MAX_REDIRECTS} times")))
    }

    /// What may be connected to on the way from `start`, by a redirect or not.
    fn reach(&self, start: &Origin, at: &Origin) -> Result<Reach, Failure> {
        if at.address().is_some_and(url::is_forbidden) {
            return Err(http::bad_answer(format!("the address {} may not be asked", at.host)));
        }
        let wide = self.agents.proxies.cover(at) || at.host == start.host || is_inside(start);
        Ok(if wide { Reach::Wide } else { Reach::Public })
    }
}

/// True if a server is on this machine or a private network, by name or address.
fn is_inside(origin: &Origin) -> bool {
    origin.is_private()
        || (origin.host.as_str(), origin.port)
            .to_socket_addrs()
            .is_ok_and(|mut found| found.any(|socket| url::is_private(socket.ip())))
}

fn failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Other(other) if other.is::<NotAllowed>() => http::bad_answer(other.to_string()),
        error => http::failure(error),
    }
}

fn page(response: Response<Body>) -> Page {
    let header = |name| http::header(response.headers(), name).map(str::to_owned);
    let (etag, last_modified) = (header("etag"), header("last-modified"));
    Page::File { etag, last_modified, body: Box::new(response.into_body().into_reader()) }
}

/// Spaces and what is not ASCII in percent form; everything else is left as written.
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
    use crate::http::url::Scheme;

    #[test]
    fn names_of_this_machine_are_inside() {
        let origin = |text| Origin::new(Scheme::Http, text).expect("an origin");
        assert!(is_inside(&origin("localhost")));
        assert!(is_inside(&origin("192.168.0.1:80")));
        assert!(!is_inside(&origin("8.8.8.8")));
    }

    #[test]
    fn urls_are_made_ascii() {
        assert_eq!(encoded("http://h/a b/ä%20?x=#y"), "http://h/a%20b/%C3%A4%20?x=#y");
    }
}
