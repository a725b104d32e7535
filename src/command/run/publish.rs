//! `run --publish`: ports of the container on addresses of this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use runner::container::Publish;

use crate::failure::Failure;

/// Reads `[IP:][HOST:]CONTAINER[/tcp|/udp]`. Without HOST both ports have the same number.
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
    let host_port = match parts.get(1) {
        Some(text) if !text.is_empty() => number(text)?,
        _ => container_port,
    };
    let address = match parts.get(2) {
        Some(text) => {
            text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().map_err(|_| bad())?
        }
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    Ok(Publish { host: SocketAddr::new(address, host_port), container_port, udp })
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
        check("80", Some(("0.0.0.0:80", 80, false)));
        check("127.0.0.1:8080:80", Some(("127.0.0.1:8080", 80, false)));
        check("[::1]:8080:80", Some(("[::1]:8080", 80, false)));
        check("53:53/udp", Some(("0.0.0.0:53", 53, true)));
        check("0:80", None);
        check("x:80", None);
        check("80/sctp", None);
    }
}
