//! A published port: a port of the host that leads into a sandbox.

use std::net::SocketAddr;

/// A port of the host whose connections and packets reach a port in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMap {
    /// Address and port on which the host listens; the address `0.0.0.0` or `::` stands for all.
    pub host: SocketAddr,
    /// Port on which the process in the sandbox listens.
    pub container_port: u16,
    /// True for UDP, false for TCP.
    pub udp: bool,
}
