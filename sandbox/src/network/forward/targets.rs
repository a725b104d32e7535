//! Addresses in the sandbox that a client of a published port is connected to.
//!
//! A client on the host's own loopback reaches servers on the sandbox's loopback, as pasta has it. Other clients reach
//! the sandbox at the address of its interface, so that a server on the sandbox's loopback stays private.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::network::pasta::DNS_FORWARDER;

/// An address outside of every network (RFC 3849), to which the route of the interface leads.
const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// Returns the addresses to try for `client`, in order: those of the client's family first.
///
/// The calling thread is in the sandbox's network namespace.
pub(super) fn of_client(client: SocketAddr, port: u16) -> Vec<SocketAddr> {
    let (v4, v6) = if client.ip().to_canonical().is_loopback() {
        (Some(Ipv4Addr::LOCALHOST.into()), Some(Ipv6Addr::LOCALHOST.into()))
    } else {
        (own_address("0.0.0.0:0", DNS_FORWARDER.into()), own_address("[::]:0", OUTSIDE_V6.into()))
    };
    let in_order = if client.is_ipv4() { [v4, v6] } else { [v6, v4] };
    in_order.into_iter().flatten().map(|address| SocketAddr::new(address, port)).collect()
}

/// Returns the address from which this network namespace sends to `outside`; `None` without a route. Sends nothing.
fn own_address(any: &str, outside: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(SocketAddr::new(outside, 53)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(client: &str, expected: &[&str]) {
        let targets = of_client(client.parse().unwrap(), 80);
        assert_eq!(targets.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{client}");
    }

    #[test]
    fn a_client_on_loopback_reaches_loopback_in_its_own_family_first() {
        check("127.0.0.1:5", &["127.0.0.1:80", "[::1]:80"]);
        check("[::1]:5", &["[::1]:80", "127.0.0.1:80"]);
    }

    #[test]
    fn another_client_does_not_reach_loopback() {
        let targets = of_client("192.0.2.1:5".parse().unwrap(), 80);
        assert!(targets.iter().all(|target| !target.ip().is_loopback()), "{targets:?}");
    }
}
