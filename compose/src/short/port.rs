//! Short form of ports: `[[IP:]HOST:]CONTAINER[/PROTOCOL]`, where HOST and CONTAINER can be ranges.

use std::net::IpAddr;

/// Port of a container that is published on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    /// Address of the machine, or empty for all.
    pub(crate) host_ip: String,
    /// Port of the machine, a range from which one is taken, or empty for any.
    pub(crate) published: String,
    /// Port in the container.
    pub(crate) target: u16,
    /// `tcp`, `udp` or `sctp`.
    pub(crate) protocol: String,
}

/// Returns one port for each port of the container's range, sorted as text, as docker compose has them.
pub(crate) fn ports(text: &str) -> Result<Vec<Port>, String> {
    let (ip, host, container) = split(text);
    let (container, protocol) = match container.split_once('/') {
        Some((container, "")) => (container, "tcp".to_owned()),
        Some((container, protocol)) => (container, protocol.to_ascii_lowercase()),
        None => (container, "tcp".to_owned()),
    };
    if container.is_empty() {
        return Err(format!("no port specified in {text:?}: use [[IP:]HOST:]CONTAINER[/PROTOCOL]"));
    }
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("invalid protocol {protocol:?} in {text:?}: use tcp, udp or sctp"));
    }
    let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
    if !ip.is_empty() && ip.parse::<IpAddr>().is_err() {
        return Err(format!("invalid IP address {ip:?} in {text:?}"));
    }
    let container = range(container).ok_or_else(|| format!("invalid port of the container in {text:?}"))?;
    let host = match host {
        "" => None,
        host => Some(range(host).ok_or_else(|| format!("invalid port of the machine in {text:?}"))?),
    };
    let count = container.1 - container.0;
    if let Some(host) = host
        && host.1 - host.0 != count
        && count > 0
    {
        return Err(format!("the ranges of machine and container have different lengths in {text:?}"));
    }
    let published = |offset: u16| match host {
        None => String::new(),
        Some((first, last)) if count == 0 && first != last => format!("{first}-{last}"),
        Some((first, _)) => (first + offset).to_string(),
    };
    let mut all: Vec<Port> = (0..=count)
        .map(|offset| Port {
            host_ip: ip.to_owned(),
            published: published(offset),
            target: container.0 + offset,
            protocol: protocol.clone(),
        })
        .collect();
    all.sort_by_key(|port| port.target.to_string());
    Ok(all)
}

/// Splits `IP:HOST:CONTAINER` at the last two colons, since an IPv6 address has colons of its own.
fn split(text: &str) -> (&str, &str, &str) {
    match text.rsplit_once(':') {
        None => ("", "", text),
        Some((before, container)) => match before.rsplit_once(':') {
            None => ("", before, container),
            Some((ip, host)) => (ip, host, container),
        },
    }
}

/// Reads `80` or `80-90`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let got: Vec<String> = ports(text)
            .unwrap()
            .iter()
            .map(|one| format!("{}|{}|{}|{}", one.host_ip, one.published, one.target, one.protocol))
            .collect();
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn each_part_can_be_left_out() {
        check("80", &["||80|tcp"]);
        check("8080:80/UDP", &["|8080|80|udp"]);
        check("127.0.0.1::80", &["127.0.0.1||80|tcp"]);
        check("[::1]:1:2", &["::1|1|2|tcp"]);
        check("::1:1:2", &["::1|1|2|tcp"]);
    }

    #[test]
    fn a_range_is_one_port_each() {
        check("9-11:9-11", &["|10|10|tcp", "|11|11|tcp", "|9|9|tcp"]);
        check("8000-8010:80", &["|8000-8010|80|tcp"]);
    }

    #[test]
    fn a_mistake_names_the_text() {
        for text in [":", "", "x", "1:x", "1:70000", "1-3:1-2", "300.1.1.1:1:1", "1:1/icmp", "3-1"] {
            let reason = ports(text).unwrap_err();
            assert!(reason.contains(&format!("{text:?}")), "{reason}");
        }
    }
}
