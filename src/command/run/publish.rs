//! `run --publish`: ports of the container on addresses of this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use runner::container::Publish;

use crate::failure::Failure;
use cli::container::NetworkArgs;

/// Reads `[IP:][HOST:]CONTAINER[/tcp|/udp]`. Without HOST, or with 0, a free port is chosen.
pub fn publish(text: &str) -> Result<Publish, Failure> {
    let bad = || {
        Failure::usage(format!("--publish {text:?} is not [IP:][HOST:]CONTAINER[/udp]"))
            .hint("for example -p 8080:80")
    };
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let udp = match protocol {
        "tcp" => false,
        "udp" => true,
        _ => return Err(bad()),
    };
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(bad);
    let parts: Vec<&str> = ports.rsplitn(3, ':').collect();
    let container_port = number(parts[0])?;
    let address = match parts.get(2) {
        Some(text) => {
            text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().map_err(|_| bad())?
        }
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let host_port = match parts.get(1) {
        Some(text) if !text.is_empty() && *text != "0" => number(text)?,
        _ => free_port(address, udp)?,
    };
    Ok(Publish { host: SocketAddr::new(address, host_port), container_port, udp })
}

/// Returns the ports that `--publish-all` publishes: the ports that the image names (`exposed`) and the ports of `--expose`.
pub fn exposed<'a>(
    args: &'a NetworkArgs,
    exposed: impl Iterator<Item = &'a String>,
) -> Result<Vec<Publish>, Failure> {
    let mut ports: Vec<String> = exposed.cloned().collect();
    for text in &args.expose {
        ports.extend(range(text).ok_or_else(|| {
            Failure::usage(format!("--expose {text:?} is not PORT[-PORT][/udp]"))
                .hint("for example --expose 8080")
        })?);
    }
    ports.sort();
    ports.dedup();
    if args.publish_all { ports.iter().map(|port| publish(port)).collect() } else { Ok(Vec::new()) }
}

/// Returns the ports of `FIRST[-LAST][/PROTOCOL]`.
fn range(text: &str) -> Option<Vec<String>> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
    let is_valid = first > 0 && first <= last && ["tcp", "udp"].contains(&protocol);
    is_valid.then(|| (first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

/// Returns a port of this machine that nobody listens on.
fn free_port(address: IpAddr, udp: bool) -> Result<u16, Failure> {
    let bound = if udp {
        UdpSocket::bind((address, 0)).and_then(|socket| socket.local_addr())
    } else {
        TcpListener::bind((address, 0)).and_then(|socket| socket.local_addr())
    };
    match bound {
        Ok(found) => Ok(found.port()),
        Err(error) => Err(Failure::input(format!("cannot publish a port on {address}")).caused_by(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_written_as_for_docker() {
        let check = |text: &str, expected: Option<(&str, u16, bool)>| {
            let got = publish(text).ok().map(|one| (one.host.to_string(), one.container_port, one.udp));
            assert_eq!(got, expected.map(|(host, port, udp)| (host.to_owned(), port, udp)), "{text}");
        };
        check("5000:5000", Some(("0.0.0.0:5000", 5000, false)));
        check("127.0.0.1:8080:80", Some(("127.0.0.1:8080", 80, false)));
        check("[::1]:8080:80", Some(("[::1]:8080", 80, false)));
        check("53:53/udp", Some(("0.0.0.0:53", 53, true)));
        check("x:80", None);
        check("80/sctp", None);
    }

    #[test]
    fn a_port_without_a_port_of_this_machine_gets_a_free_one() {
        for text in ["80", "0:80", ":80", "127.0.0.1::80", "80/udp"] {
            let Ok(published) = publish(text) else { panic!("{text} is valid") };
            assert_eq!(published.container_port, 80, "{text}");
            assert!(published.host.port() > 1023, "{text}: {}", published.host);
        }
    }
}
