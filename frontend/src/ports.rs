//! The grammar of EXPOSE: `[[ip:]hostport:]port[/protocol]`, with ranges.
//!
//! Source: BuildKit, `parsePortSpecs`, which is docker/go-connections' `nat.ParsePortSpec`.

use std::net::IpAddr;
use std::ops::RangeInclusive;

/// Parses one word to its container ports, each as `port/protocol`. The error is in BuildKit's words.
pub(crate) fn parse(spec: &str) -> Result<Vec<String>, String> {
    let (address_and_ports, protocol) = spec.split_once('/').unwrap_or((spec, "tcp"));
    let protocol = protocol.to_lowercase();
    let (address, host, container) = split(address_and_ports);
    if container.is_empty() {
        return Err(format!("no port specified: {spec}<empty>"));
    }
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("invalid proto: {protocol}"));
    }
    check_address(address)?;
    let ports = range(container).map_err(|why| format!("invalid containerPort: {container}: {why}"))?;
    if !host.is_empty() {
        let host_ports = range(host).map_err(|why| format!("invalid hostPort: {host}: {why}"))?;
        let (container_ports, host_ports) = (ports.len(), host_ports.len());
        // With several host ports for one container port, the engine chooses.
        if container_ports != host_ports && container_ports != 1 {
            return Err(format!(
                "invalid ranges specified for container and host Ports: {container} and {host}"
            ));
        }
    }
    Ok(ports.map(|port| format!("{port}/{protocol}")).collect())
}

/// Splits a word without its protocol into address, host port and container port. Parts that are absent are empty.
pub(crate) fn split(text: &str) -> (&str, &str, &str) {
    let Some((front, container)) = text.rsplit_once(':') else { return ("", "", text) };
    match front.rsplit_once(':') {
        Some((address, host)) => (address, host, container),
        None => ("", front, container),
    }
}

fn check_address(address: &str) -> Result<(), String> {
    let bare = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    if address.is_empty() || bare.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    Err(format!("invalid IP address: {address}"))
}

/// Parses a port `80` or a range `80-90`.
fn range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let Some((first, last)) = text.split_once('-') else {
        let port = number(text)?;
        return Ok(port..=port);
    };
    let (first, last) = (number(first)?, number(last)?);
    if first > last { Err(format!("invalid port range: {text}")) } else { Ok(first..=last) }
}

fn number(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits => Ok(port),
        _ if digits => Err("value out of range (0–65535)".to_owned()),
        _ if text.is_empty() => Err("value is empty".to_owned()),
        _ => Err("invalid syntax".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spec: &str, expected: &[&str]) {
        assert_eq!(
            parse(spec).as_deref(),
            Ok(&expected.iter().map(|&p| p.to_owned()).collect::<Vec<_>>()[..])
        );
    }

    #[track_caller]
    fn fails(spec: &str, expected: &str) {
        assert_eq!(parse(spec), Err(expected.to_owned()));
    }

    #[test]
    fn only_container_ports_are_kept() {
        check("80", &["80/tcp"]);
        check("80/UDP", &["80/udp"]);
        check("80-82/sctp", &["80/sctp", "81/sctp", "82/sctp"]);
        check("9-9", &["9/tcp"]);
        check("8080:80", &["80/tcp"]);
        check("127.0.0.1:8080:80", &["80/tcp"]);
        check("127.0.0.1::80", &["80/tcp"]);
        check("[::1]:1:2", &["2/tcp"]);
        check("5000-5001:6000-6001", &["6000/tcp", "6001/tcp"]);
        check("5000-5001:6000", &["6000/tcp"]);
    }

    #[test]
    fn errors_are_those_of_buildkit() {
        fails("", "no port specified: <empty>");
        fails("http", "invalid containerPort: http: invalid syntax");
        fails("80/x", "invalid proto: x");
        fails("65536", "invalid containerPort: 65536: value out of range (0–65535)");
        fails("90-80", "invalid containerPort: 90-80: invalid port range: 90-80");
        fails("x:80", "invalid hostPort: x: invalid syntax");
        fails("1.2.3:1:80", "invalid IP address: 1.2.3");
        fails("1-3:5-6", "invalid ranges specified for container and host Ports: 5-6 and 1-3");
    }
}
