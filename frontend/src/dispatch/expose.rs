//! EXPOSE: `[[ip:]hostport:]port[/protocol]`, with ranges. Only ports and protocol are kept.
//!
//! Source: BuildKit, `parsePortSpecs`, which is docker/go-connections' `nat.ParsePortSpec`.

use oci::Empty;
use std::net::IpAddr;

use super::{Current, Dispatcher};
use crate::check;
use crate::error::Problem;
use crate::history;

impl Dispatcher<'_> {
    /// A variable may hold several words. Words are sorted as they are written, so that their order does
    /// not matter to the image.
    pub(super) fn expose(&self, current: &mut Current<'_>, words: &[String]) -> Result<(), Problem> {
        let mut sorted: Vec<&String> = words.iter().collect();
        sorted.sort();
        let mut ports = Vec::new();
        for word in sorted {
            for spec in self.expander().words(word, &current.state)?.0 {
                self.found(current, check::ports(&spec));
                let parsed = parse(&spec).map_err(|reason| Problem::Expose { word: spec, reason })?;
                self.session.budget.spend(parsed.iter().map(String::len).sum());
                self.session.budget.check()?;
                ports.extend(parsed);
            }
        }
        self.record(current, history::empty, format!("EXPOSE {}", history::plain_list(&ports)));
        let exposed = &mut current.state.image.config.exposed_ports;
        exposed.extend(ports.into_iter().map(|port| (port, Empty {})));
        Ok(())
    }
}

/// The ports of one word, each as `port/protocol`.
fn parse(spec: &str) -> Result<Vec<String>, String> {
    let (place, protocol) = spec.split_once('/').unwrap_or((spec, "tcp"));
    let protocol = protocol.to_lowercase();
    let (address, host, container) = split(place);
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
        let (many, one) = (ports.1 - ports.0, host_ports.1 - host_ports.0);
        // Several host ports for one container port let the engine choose.
        if many != one && many != 0 {
            return Err(format!(
                "invalid ranges specified for container and host Ports: {container} and {host}"
            ));
        }
    }
    Ok((ports.0..=ports.1).map(|port| format!("{port}/{protocol}")).collect())
}

/// Address, host port and container port.
pub(crate) fn split(place: &str) -> (&str, &str, &str) {
    let Some((front, container)) = place.rsplit_once(':') else { return ("", "", place) };
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

/// `a` or `a-b`.
fn range(text: &str) -> Result<(u16, u16), String> {
    let Some((first, last)) = text.split_once('-') else {
        let port = number(text)?;
        return Ok((port, port));
    };
    let (first, last) = (number(first)?, number(last)?);
    if first > last { Err(format!("invalid port range: {text}")) } else { Ok((first, last)) }
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
    fn ports() {
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
    fn errors() {
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
