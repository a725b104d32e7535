//! Which addresses are connected to.
//!
//! Looked at where connections are made, so that no name and no redirect leads elsewhere.

use std::net::IpAddr;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::http::url;

/// Which addresses may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All but forbidden ones.
    Wide,
    /// Those of the public internet.
    Public,
}

impl Reach {
    fn includes(self, address: IpAddr) -> bool {
        !url::is_forbidden(address) && (self == Self::Wide || !url::is_private(address))
    }
}

/// Looks names up and leaves out what may not be connected to.
#[derive(Debug)]
pub(crate) struct Guard {
    inner: DefaultResolver,
    reach: Reach,
}

impl Guard {
    pub fn new(reach: Reach) -> Self {
        Self { inner: DefaultResolver::default(), reach }
    }
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        found.iter().filter(|socket| self.reach.includes(socket.ip())).for_each(|socket| kept.push(*socket));
        match (kept.is_empty(), found.first()) {
            (true, Some(socket)) => Err(ureq::Error::Other(Box::new(NotAllowed(socket.ip())))),
            _ => Ok(kept),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the address {0} may not be asked")]
pub(crate) struct NotAllowed(IpAddr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_connected_to() {
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
}
