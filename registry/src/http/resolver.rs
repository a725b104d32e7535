//! Name lookups, and the addresses that must not be connected to.
//!
//! Addresses are judged where connections are made, after the lookup: no name and no redirect leads elsewhere, and a
//! name that resolves to something else a moment later gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use super::failure::Failure;
use super::url;
use crate::cancel::{Cancellation, SLICE};

/// Largest number of addresses of one name that are used: ureq's limit.
const MAX_ADDRESSES: usize = 16;

/// Addresses that a request can connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All addresses but the forbidden ones.
    Wide,
    /// Addresses of the public internet.
    Public,
}

impl Reach {
    fn includes(self, address: IpAddr) -> bool {
        !url::is_forbidden(address) && (self == Self::Wide || !url::is_private(address))
    }
}

/// Resolver of an agent: leaves out the addresses beyond its reach.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    reach: Reach,
    cancel: Cancellation,
}

impl GuardedResolver {
    /// A resolver that returns addresses within `reach` only.
    pub fn new(reach: Reach, cancel: Cancellation) -> Self {
        Self { reach, cancel }
    }

    fn addresses(&self, uri: &Uri, limit: Duration) -> Result<Vec<SocketAddr>, Failure> {
        let (host, port) = host_and_port(uri).ok_or_else(|| Failure::bad(format!("{uri} names no host")))?;
        let mut found = lookup(&host, port, limit, &self.cancel)?;
        let first = found.first().copied();
        found.retain(|socket| self.reach.includes(socket.ip()));
        match first {
            Some(socket) if found.is_empty() => {
                Err(Failure::Forbidden { reason: format!("the address {} may not be asked", socket.ip()) })
            }
            _ => Ok(found),
        }
    }
}

impl Resolver for GuardedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.addresses(uri, *timeout.after).map_err(Failure::into_ureq)?;
        let mut kept = self.empty();
        found.iter().take(MAX_ADDRESSES).for_each(|socket| kept.push(*socket));
        Ok(kept)
    }
}

/// Splits the authority of a URI; the port is the scheme's where none is written.
fn host_and_port(uri: &Uri) -> Option<(String, u16)> {
    let text = DefaultResolver::host_and_port(uri.scheme()?, uri.authority()?)?;
    let (host, port) = text.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

/// Looks up the addresses of `host`, which can be an address itself, within `limit`.
///
/// The system's lookup cannot be interrupted: it runs in a thread of its own, which is left behind when the wait ends.
pub(crate) fn lookup(
    host: &str,
    port: u16,
    limit: Duration,
    cancel: &Cancellation,
) -> Result<Vec<SocketAddr>, Failure> {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let look = move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody may be waiting for the answer any more.
        drop(sender.send(found));
    };
    std::thread::Builder::new().name("lookup".to_owned()).spawn(look).map_err(|error| unknown(&error))?;
    let started = Instant::now();
    loop {
        cancel.check()?;
        match receiver.recv_timeout(SLICE) {
            Ok(Ok(found)) if found.is_empty() => return Err(unknown(&io::Error::other("no address"))),
            Ok(found) => return found.map_err(|error| unknown(&error)),
            Err(RecvTimeoutError::Timeout) if started.elapsed() < limit => {}
            Err(_) => return Err(unknown(&io::Error::from(io::ErrorKind::TimedOut))),
        }
    }
}

fn unknown(error: &io::Error) -> Failure {
    let reason = error.to_string();
    // The standard library keeps the text of getaddrinfo(3) only: glibc's and musl's words for EAI_AGAIN.
    let is_undecided = ["Temporary failure", "Try again"].iter().any(|words| reason.contains(words));
    let is_temporary =
        is_undecided || matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
    Failure::NoAddress { reason, is_temporary }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_within_reach_are_connected_to() {
        let check = |reach: Reach, address: &str, expected| {
            assert_eq!(reach.includes(address.parse().expect("an address")), expected, "{address}");
        };
        for address in ["127.0.0.1", "10.1.2.3", "::1"] {
            check(Reach::Wide, address, true);
            check(Reach::Public, address, false);
        }
        check(Reach::Public, "8.8.8.8", true);
        check(Reach::Wide, "169.254.169.254", false);
        check(Reach::Wide, "0.0.0.0", false);
    }

    #[test]
    fn addresses_need_no_lookup() {
        let found = lookup("[::1]", 80, Duration::ZERO, &Cancellation::when(|| true));
        assert_eq!(found, Ok(vec!["[::1]:80".parse().expect("an address")]));
    }

    #[test]
    fn a_lookup_can_be_canceled() {
        let found = lookup("localhost", 80, Duration::from_secs(60), &Cancellation::when(|| true));
        assert_eq!(found, Err(Failure::Canceled));
    }

    #[test]
    fn a_name_that_does_not_exist_is_not_asked_for_again() {
        #[track_caller]
        fn check(text: &str, expected: bool) {
            let Failure::NoAddress { is_temporary, .. } = unknown(&io::Error::other(text)) else {
                panic!("another failure")
            };
            assert_eq!(is_temporary, expected, "{text}");
        }
        check("failed to lookup address information: Name or service not known", false);
        check("failed to lookup address information: Name does not resolve", false);
        check("failed to lookup address information: Temporary failure in name resolution", true);
        check("failed to lookup address information: Try again", true);
    }
}
