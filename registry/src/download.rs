//! One file by HTTP, from anywhere: what `ADD URL` asks for.
//!
//! Nothing is shown to the server but the address: no credentials, not even for a registry that one is logged in at.
//! Redirects follow the same rules as a registry's: never from TLS to plain HTTP, never from the public internet to an
//! address of a private network. Link-local addresses, where clouds keep their secrets, are not connected to at all.

use std::io::Read;

use crate::http::{self, Failure};
use crate::url::Url;
use crate::{Client, RegistryError};

/// What tells whether a file that one has is still the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, quotes included.
    pub etag: Option<String>,
    /// `Last-Modified`, as sent.
    pub last_modified: Option<String>,
}

/// An answer.
pub enum Download {
    /// The file is still the one that the validators came with.
    Unchanged,
    /// The file.
    Body {
        /// For the next time.
        validators: Validators,
        /// Its length, if the server said so; a body that ends early is the reader's to notice.
        size_bytes: Option<u64>,
        /// Its bytes.
        reader: Box<dyn Read + Send>,
    },
}

impl Client {
    /// Gets `url` (http or https), unless it is still what `known` came with.
    pub fn download(&self, url: &str, known: &Validators) -> Result<Download, RegistryError> {
        let bad = |reason: String| RegistryError::BadAnswer {
            registry: "the server".to_owned(),
            name: redacted(url),
            reason,
        };
        let parsed = Url::parse(url).ok_or_else(|| RegistryError::Unreachable {
            registry: redacted(url),
            reason: "only http and https addresses without a user can be downloaded".to_owned(),
        })?;
        let mut headers = Vec::new();
        headers.extend(known.etag.iter().map(|etag| ("if-none-match", etag.clone())));
        headers.extend(known.last_modified.iter().map(|time| ("if-modified-since", time.clone())));
        let asked = self.inner.http.persist(|| {
            let response = self.inner.http.get(&parsed, &headers, None)?.response;
            match response.status().as_u16() {
                200 | 304 => Ok(response),
                status if http::is_transient(status) => Err(http::transient(response)),
                status => Err(Failure::Bad { reason: format!("invalid response status {status}") }),
            }
        });
        let response = asked.map_err(|failure| match failure {
            Failure::Transient { reason, .. } | Failure::Fatal { reason } => {
                RegistryError::Unreachable { registry: redacted(url), reason }
            }
            Failure::Bad { reason } => bad(reason),
        })?;
        if response.status().as_u16() == 304 {
            return Ok(Download::Unchanged);
        }
        let text = |name| http::header(response.headers(), name).map(str::to_owned);
        let validators = Validators { etag: text("etag"), last_modified: text("last-modified") };
        let size_bytes = text("content-length").and_then(|length| length.parse().ok());
        Ok(Download::Body { validators, size_bytes, reader: Box::new(response.into_body().into_reader()) })
    }
}

/// An address as it may be shown: without user and password.
pub fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://xxxxx@{host}{}", &rest[end..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (url, expected) in [
            ("https://host/a", "https://host/a"),
            ("https://user:secret@host/a@b", "https://xxxxx@host/a@b"),
            ("https://to@ken@host?x@y", "https://xxxxx@host?x@y"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(redacted(url), expected);
        }
    }
}
