//! Reach of a server: whether its host is on this machine or a private network.
//!
//! Data that comes from the public internet must not send a build there: see [`registry::web`] for redirects, `git/address`
//! for submodules and `image/registry_blobs` for the places of layers.

use std::net::{SocketAddr, ToSocketAddrs as _};

use registry::web::is_private;

/// Port for the look-up of a host whose port does not matter.
const ANY_PORT: u16 = 443;

/// Reports whether `host[:port]` has an address on this machine or a private network. An unknown host has none.
pub(crate) fn is_inside(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    look_up(name, ANY_PORT).iter().any(|socket| is_private(socket.ip()))
}

/// Returns the addresses of a host; none if it is unknown.
pub(crate) fn look_up(host: &str, port: u16) -> Vec<SocketAddr> {
    let name = host.trim_start_matches('[').trim_end_matches(']');
    (name, port).to_socket_addrs().map(Iterator::collect).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_inside() {
        #[track_caller]
        fn check(host: &str, expected: bool) {
            assert_eq!(is_inside(host), expected, "{host}");
        }
        check("127.0.0.1:5000", true);
        check("localhost", true);
        check("10.0.0.1", true);
        check("[::1]:5000", true);
        check("[::1]", true);
        check("8.8.8.8", false);
        check("[2001:4860:4860::8888]:443", false);
        check("", false);
    }
}
