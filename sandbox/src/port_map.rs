//! A published port: a port of the host that leads into a sandbox.

use std::net::SocketAddr;

use crate::wire::{Reader, Wire};

/// A port of the host whose connections and packets reach a port in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMap {
    /// Address and port on which the host listens; `0.0.0.0` stands for all addresses, `::` for all of IPv6.
    pub host: SocketAddr,
    /// Port on which the process in the sandbox listens.
    pub container_port: u16,
    /// True for UDP, false for TCP.
    pub udp: bool,
}

impl Wire for PortMap {
    fn put(&self, out: &mut Vec<u8>) {
        (self.host.to_string(), u32::from(self.container_port), self.udp).put(out);
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        let (host, container_port, udp) = <(String, u32, bool)>::take(input)?;
        Some(Self { host: host.parse().ok()?, container_port: container_port.try_into().ok()?, udp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{decode, encode};

    #[track_caller]
    fn check(host: &str, container_port: u16, udp: bool) {
        let port = PortMap { host: host.parse().unwrap(), container_port, udp };
        assert_eq!(decode::<PortMap>(&encode(&port)), Some(port));
    }

    #[test]
    fn ports_survive_the_wire() {
        check("0.0.0.0:8080", 80, false);
        check("[fe80::1]:53", 65535, true);
    }
}
