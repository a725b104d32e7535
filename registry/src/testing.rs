//! Parsers of this crate for the fuzz targets (feature `testing`).

use std::time::Duration;

use ureq::http::Uri;

use crate::auth::challenge::{Challenge, parse};
use crate::http::failure::Failure;
use crate::http::patience::Patience;
use crate::http::response::retry_after_seconds;
use crate::http::retry::Retries;
use crate::http::url::{Origin, Url};
pub use crate::pull::blob::content_range_start;
pub use crate::pull::manifest::essence;

/// Returns realm, service and scope of each bearer challenge in a `WWW-Authenticate` header.
pub fn bearer_challenges(header: &str) -> Vec<(String, Option<String>, Option<String>)> {
    let bearer = |challenge| match challenge {
        Challenge::Bearer(bearer) => Some((bearer.realm, bearer.service, bearer.scope)),
        Challenge::Basic => None,
    };
    parse(header).into_iter().filter_map(bearer).collect()
}

/// Target of a redirect, as this crate judges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// URL as it is asked for.
    pub url: String,
    /// Whether the URL is asked by TLS.
    pub is_tls: bool,
    /// Host of the URL, in lower case.
    pub host: String,
    /// Port that the URL names, or that of its scheme.
    pub port: u16,
    /// Whether the server that sent the redirect can lead there.
    pub is_allowed: bool,
}

/// Returns the target of `location` in an answer from `at`; `None` if one of them is no URL that is asked.
pub fn redirect(at: &str, location: &str) -> Option<Target> {
    let at = Url::parse(at)?;
    let next = at.join(location)?;
    let url = next.to_string();
    let is_allowed = at.origin.may_lead_to(&next.origin);
    let Origin { host, port, .. } = next.origin;
    Some(Target { is_tls: url.starts_with("https:"), url, host, port, is_allowed })
}

/// Returns scheme, host and port of a URL as the HTTP client reads them; `None` if it refuses the URL.
pub fn client_reads(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?;
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme.to_owned(), uri.host()?.to_ascii_lowercase(), port))
}

/// Returns the pauses after answers of a busy server with these `Retry-After` headers.
pub fn pauses(retry_after: &[&str]) -> Vec<Duration> {
    let mut retries = Retries::new(Patience::default());
    let mut pause = |text: &&str| {
        let retry_after = retry_after_seconds(text).map(Duration::from_secs);
        let failure = Failure::Transient { reason: String::new(), retry_after };
        retries.pause_after(&failure, Duration::ZERO)
    };
    retry_after.iter().map_while(&mut pause).collect()
}

/// Returns the longest time that requests are repeated for a busy server, its own wishes included.
pub fn longest_pauses() -> Duration {
    let Patience { total, retry_after, .. } = Patience::default();
    total + Patience::MAX_PAUSE + retry_after
}
