//! The text of `/etc/hosts` and `/etc/resolv.conf` of a sandbox. Pure functions of what they are given.

use std::net::IpAddr;

use crate::spec::HostEntry;

/// `/etc/hosts`: loopback, our own name, the entries asked for.
pub(crate) fn hosts(hostname: &str, entries: &[HostEntry]) -> String {
    let own = if hostname.is_empty() { String::new() } else { format!(" {hostname}") };
    let mut text = format!("127.0.0.1\tlocalhost{own}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    for HostEntry { name, address } in entries {
        text.push_str(&format!("{address}\t{name}\n"));
    }
    text
}

/// `/etc/resolv.conf` where the network is the host's: its own.
pub(crate) fn resolv_of_host(text: &str) -> String {
    text.to_owned()
}

/// `/etc/resolv.conf` in a network of its own: the host's with `forwarder`, behind which pasta has the host's first
/// IPv4 server (also one on the host's loopback). That server is not listed itself: pasta gives its answers the
/// forwarder's address, so that they would not be taken. Without an IPv4 server those of IPv6 that are reachable are.
pub(crate) fn resolv_of_private(text: &str, forwarder: IpAddr) -> String {
    let servers: Vec<IpAddr> = text.lines().filter_map(server).collect();
    let mut reachable: Vec<IpAddr> = servers.iter().copied().filter(|address| !is_local(*address)).collect();
    if servers.iter().any(IpAddr::is_ipv4) || reachable.is_empty() {
        reachable = vec![forwarder];
    }
    let others = text.lines().filter(|line| !is_server(line)).map(String::from);
    let lines = others.chain(reachable.iter().map(|address| format!("nameserver {address}")));
    lines.map(|line| line + "\n").collect()
}

fn is_server(line: &str) -> bool {
    line.split_whitespace().next() == Some("nameserver")
}

/// The address of a `nameserver` line; a zone (`fe80::1%eth0`) is left out.
fn server(line: &str) -> Option<IpAddr> {
    let address = line.split_whitespace().nth(1).filter(|_| is_server(line))?;
    address.split('%').next()?.parse().ok()
}

/// True for addresses that mean something else in another network namespace.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_unspecified(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unspecified() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORWARDER: &str = "169.254.1.1";

    #[test]
    fn hosts_has_name_and_entries() {
        let entry = HostEntry { name: "shelf".into(), address: "10.20.30.40".parse().unwrap() };
        assert_eq!(
            hosts("box", &[entry]),
            "127.0.0.1\tlocalhost box\n::1\tlocalhost ip6-localhost ip6-loopback\n10.20.30.40\tshelf\n"
        );
        assert!(hosts("", &[]).starts_with("127.0.0.1\tlocalhost\n"));
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(resolv_of_private(text, FORWARDER.parse().unwrap()), expected);
    }

    #[test]
    fn private_networks_ask_the_forwarder() {
        check("nameserver 10.0.0.2\nsearch a b\n", "search a b\nnameserver 169.254.1.1\n");
        check("nameserver 127.0.0.53\noptions edns0\n", "options edns0\nnameserver 169.254.1.1\n");
        check("nameserver 127.0.0.1\nnameserver 2001:db8::1\n", "nameserver 169.254.1.1\n");
        check("nameserver fe80::1%eth0\nnameserver ::1\n", "nameserver 169.254.1.1\n");
        check("nameserver ::1\nnameserver 2001:db8::1\n", "nameserver 2001:db8::1\n");
        check("", "nameserver 169.254.1.1\n");
        check("nameserver nonsense\n", "nameserver 169.254.1.1\n");
        check("# nameserver 8.8.8.8\n", "# nameserver 8.8.8.8\nnameserver 169.254.1.1\n");
    }

    #[test]
    fn the_hosts_network_keeps_its_servers() {
        assert_eq!(resolv_of_host("nameserver 127.0.0.53\n"), "nameserver 127.0.0.53\n");
    }
}
