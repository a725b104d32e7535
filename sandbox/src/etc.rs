//! The text of `/etc/hosts` and `/etc/resolv.conf` of a sandbox.

use std::net::IpAddr;

use crate::network::{DNS_FORWARDER, Network};
use crate::spec::{Dns, HostEntry};

/// Returns the text of `/etc/hosts`: loopback with the sandbox's own name, then `entries`.
pub(crate) fn hosts(hostname: &str, entries: &[HostEntry]) -> String {
    let own = if hostname.is_empty() { String::new() } else { format!(" {hostname}") };
    let mut text = format!("127.0.0.1\tlocalhost{own}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    for HostEntry { name, address } in entries {
        text.push_str(&format!("{address}\t{name}\n"));
    }
    text
}

/// Returns the text of `/etc/resolv.conf` for a sandbox with `network`, made from the host's file and `dns`.
pub(crate) fn resolv_conf(network: &Network, dns: &Dns) -> String {
    with_settings(resolv_of(network), dns)
}

/// Replaces the lines of each kind for which there is a setting.
fn with_settings(text: String, dns: &Dns) -> String {
    if *dns == Dns::default() {
        return text;
    }
    let Dns { servers, search, options } = dns;
    let replaced: &[(&[&str], bool)] = &[
        (&["nameserver"], !servers.is_empty()),
        (&["search", "domain"], !search.is_empty()),
        (&["options"], !options.is_empty()),
    ];
    let is_kept = |line: &&str| {
        let kind = line.split_whitespace().next().unwrap_or_default();
        !replaced.iter().any(|(kinds, is_replaced)| *is_replaced && kinds.contains(&kind))
    };
    let mut lines: Vec<String> = text.lines().filter(is_kept).map(str::to_owned).collect();
    lines.extend(servers.iter().map(|address| format!("nameserver {address}")));
    if !search.is_empty() && search != &["."] {
        lines.push(format!("search {}", search.join(" ")));
    }
    if !options.is_empty() {
        lines.push(format!("options {}", options.join(" ")));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn resolv_of(network: &Network) -> String {
    let bytes = std::fs::read("/etc/resolv.conf").unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    match network {
        Network::Host | Network::HostRestricted | Network::None => text.into_owned(),
        Network::Private { .. } | Network::Shared(_) => resolv_of_private(&text, DNS_FORWARDER.into()),
    }
}

/// Replaces the servers of a `resolv.conf` by ones that a private network can reach.
///
/// pasta forwards the address `forwarder` to the host's first IPv4 server, which may be on the host's loopback. That
/// server is not listed itself: pasta gives its answers the forwarder's address, so that a program would reject them.
/// If the host has no IPv4 server, its IPv6 servers that are reachable from the network are listed.
fn resolv_of_private(text: &str, forwarder: IpAddr) -> String {
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

/// Returns the address of a `nameserver` line, without a zone (`%eth0` in `fe80::1%eth0`).
fn server(line: &str) -> Option<IpAddr> {
    let address = line.split_whitespace().nth(1).filter(|_| is_server(line))?;
    address.split('%').next()?.parse().ok()
}

/// Reports whether an address means another machine in another network namespace.
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

    #[test]
    fn hosts_has_the_own_name_and_the_entries() {
        let entry = HostEntry { name: "shelf".into(), address: "10.20.30.40".parse().unwrap() };
        assert_eq!(
            hosts("box", &[entry]),
            "127.0.0.1\tlocalhost box\n::1\tlocalhost ip6-localhost ip6-loopback\n10.20.30.40\tshelf\n"
        );
    }

    #[test]
    fn hosts_without_an_own_name_has_localhost() {
        assert!(hosts("", &[]).starts_with("127.0.0.1\tlocalhost\n"));
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(resolv_of_private(text, DNS_FORWARDER.into()), expected);
    }

    #[test]
    fn the_forwarder_stands_for_ipv4_servers() {
        check("nameserver 10.0.0.2\nsearch a b\n", "search a b\nnameserver 169.254.1.1\n");
        check("nameserver 127.0.0.53\noptions edns0\n", "options edns0\nnameserver 169.254.1.1\n");
        check("nameserver 127.0.0.1\nnameserver 2001:db8::1\n", "nameserver 169.254.1.1\n");
    }

    #[test]
    fn reachable_ipv6_servers_are_kept_if_there_is_no_other() {
        check("nameserver ::1\nnameserver 2001:db8::1\n", "nameserver 2001:db8::1\n");
        check("nameserver fe80::1%eth0\nnameserver ::1\n", "nameserver 169.254.1.1\n");
    }

    #[test]
    fn the_forwarder_is_used_if_no_server_is_readable() {
        check("", "nameserver 169.254.1.1\n");
        check("nameserver nonsense\n", "nameserver 169.254.1.1\n");
        check("# nameserver 8.8.8.8\n", "# nameserver 8.8.8.8\nnameserver 169.254.1.1\n");
    }

    #[test]
    fn a_sandbox_in_the_hosts_network_has_the_hosts_servers() {
        let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        assert_eq!(resolv_conf(&Network::Host, &Dns::default()), text);
    }

    #[test]
    fn settings_replace_the_lines_of_their_kind() {
        let host = "# made\nnameserver 10.0.0.2\nsearch a\ndomain b\noptions edns0\n".to_owned();
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let servers = vec!["1.1.1.1".parse().unwrap(), "::1".parse().unwrap()];
        let mut dns = Dns { servers, ..Dns::default() };
        assert_eq!(
            with_settings(host.clone(), &dns),
            "# made\nsearch a\ndomain b\noptions edns0\nnameserver 1.1.1.1\nnameserver ::1\n"
        );
        dns = Dns { search: owned(&["x", "y"]), options: owned(&["ndots:2"]), ..Dns::default() };
        assert_eq!(
            with_settings(host.clone(), &dns),
            "# made\nnameserver 10.0.0.2\nsearch x y\noptions ndots:2\n"
        );
        dns = Dns { search: owned(&["."]), ..Dns::default() };
        assert_eq!(with_settings(host, &dns), "# made\nnameserver 10.0.0.2\noptions edns0\n");
    }
}
