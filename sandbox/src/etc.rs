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

/// `/etc/resolv.conf` in a network of its own: the host's, without the servers that listen on the host's loopback,
/// which is not ours; `forwarder` if none is left.
pub(crate) fn resolv_of_private(text: &str, forwarder: IpAddr) -> String {
    let reachable = |line: &&str| server(line).is_none_or(|address| !is_local(address));
    let mut kept: String = text.lines().filter(reachable).map(|line| format!("{line}\n")).collect();
    if !kept.lines().any(|line| server(line).is_some()) {
        kept.push_str(&format!("nameserver {forwarder}\n"));
    }
    kept
}

/// The address of a `nameserver` line; a zone (`fe80::1%eth0`) is left out.
fn server(line: &str) -> Option<IpAddr> {
    let mut words = line.split_whitespace();
    if words.next() != Some("nameserver") {
        return None;
    }
    words.next()?.split('%').next()?.parse().ok()
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
    fn private_networks_do_not_see_the_hosts_loopback() {
        check("nameserver 10.0.0.2\nsearch a b\n", "nameserver 10.0.0.2\nsearch a b\n");
        check("nameserver 127.0.0.53\noptions edns0\n", "options edns0\nnameserver 169.254.1.1\n");
        check("nameserver 127.0.0.1\nnameserver 1.1.1.1\n", "nameserver 1.1.1.1\n");
        check("nameserver fe80::1%eth0\nnameserver ::1\n", "nameserver 169.254.1.1\n");
        check("", "nameserver 169.254.1.1\n");
        check("# nameserver 8.8.8.8\n", "# nameserver 8.8.8.8\nnameserver 169.254.1.1\n");
    }

    #[test]
    fn the_hosts_network_keeps_its_servers() {
        assert_eq!(resolv_of_host("nameserver 127.0.0.53\n"), "nameserver 127.0.0.53\n");
    }
}
