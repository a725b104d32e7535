//! `build --add-host`: entries of `/etc/hosts` for RUN.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use crate::failure::Failure;

/// Address that stands for this machine in `--add-host`, as docker has it.
const HOST_GATEWAY: &str = "host-gateway";

/// Address on the other side of the default route. Documentation has reserved it, so that nobody answers there.
///
/// Source: RFC 5737.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(198, 51, 100, 1), 9);

/// Reads `HOST:IP`, `HOST=IP`, `HOST:[IPV6]` or `HOST:host-gateway`.
pub fn entry(text: &str) -> Result<(String, IpAddr), Failure> {
    let bad = || {
        Failure::usage(format!("--add-host {text:?} is not HOST:IP"))
            .hint("for example --add-host db:10.0.0.5, or --add-host host.docker.internal:host-gateway")
    };
    let (host, address) = text.split_once(['=', ':']).ok_or_else(bad)?;
    if address == HOST_GATEWAY {
        return Ok((host.to_owned(), own_address()));
    }
    let address = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    Ok((host.to_owned(), address.parse().map_err(|_| bad())?))
}

/// Returns a note if `--add-host` names this machine and the network of RUN keeps its services out of reach.
pub fn note(entries: &[String], network: &str) -> Option<String> {
    let is_used = entries.iter().any(|text| text.ends_with(HOST_GATEWAY));
    (is_used && network != "host").then(|| {
        format!(
            "{HOST_GATEWAY} is {}; RUN reaches services of this machine there only with --network=host",
            own_address()
        )
    })
}

/// Returns the address of this machine on the network of the default route, or the loopback address if there is no route.
fn own_address() -> IpAddr {
    // Connecting a datagram socket sends nothing; the kernel picks the address that packets would have.
    let picked = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.connect(ELSEWHERE).and_then(|()| socket.local_addr()));
    picked.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_name_and_an_address() {
        let check = |text, expected: Option<(&str, &str)>| {
            let got = entry(text).ok().map(|(name, address)| (name, address.to_string()));
            assert_eq!(got, expected.map(|(name, address)| (name.to_owned(), address.to_owned())), "{text}");
        };
        check("db:10.0.0.5", Some(("db", "10.0.0.5")));
        check("db=10.0.0.5", Some(("db", "10.0.0.5")));
        check("six:[::1]", Some(("six", "::1")));
        check("six:::1", Some(("six", "::1")));
        check("db", None);
        check("db:here", None);
    }

    #[test]
    fn host_gateway_is_an_address_of_this_machine() {
        let (name, address) = entry("host.docker.internal:host-gateway").expect("it is an entry");
        assert_eq!(name, "host.docker.internal");
        // Only an address of this machine can be bound.
        assert!(UdpSocket::bind((address, 0)).is_ok(), "{address}");
    }

    #[test]
    fn a_note_says_that_services_of_the_machine_need_its_network() {
        let entries = ["x:host-gateway".to_owned()];
        assert!(note(&entries, "default").is_some_and(|note| note.contains("--network=host")));
        assert_eq!(note(&entries, "host"), None);
        assert_eq!(note(&["x:10.0.0.5".to_owned()], "default"), None);
    }
}
