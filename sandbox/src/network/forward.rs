//! Published ports that pasta does not serve well: IPv6, and UDP.
//!
//! ```text
//! tcp      connections by IPv6, for servers that listen on IPv4 only as well
//! udp      packets, with answers that come from the address to which the client sent
//! targets  addresses in the sandbox that a client is connected to
//! ```
//!
//! pasta hands a connection by IPv6 to a server on IPv6 alone, so that a browser, which tries `::1` first for
//! `localhost`, gets no answer from a server on `0.0.0.0`. Some of its versions lose answers of UDP servers. TCP by IPv4
//! stays with pasta, which shows the server the address of the client.
//!
//! Sockets of the host's side are made before the network is connected, so that a port in use is an error of the start.
//!
//! Concurrency: one thread per socket and per connection, in the supervisor. They are in the sandbox's network namespace
//! and end with the process.

mod targets;
mod tcp;
mod udp;

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::SandboxError;
use crate::error::os;
use crate::port_map::PortMap;

/// Connections that wait to be accepted, as most servers have it.
const BACKLOG: i32 = 128;

/// Sockets of the host for published ports, with the port in the sandbox that each leads to.
#[derive(Debug, Default)]
pub(crate) struct Forwarders {
    tcp: Vec<(TcpListener, u16)>,
    udp: Vec<(UdpSocket, u16)>,
}

impl Forwarders {
    /// Makes the sockets of `publish`. A port that cannot be used is an error, also one that pasta is to listen on.
    pub(crate) fn bind(publish: &[PortMap]) -> Result<Self, SandboxError> {
        let mut forwarders = Self::default();
        for port in publish {
            forwarders.add(port).map_err(|error| unusable(port, &error))?;
        }
        Ok(forwarders)
    }

    fn add(&mut self, port: &PortMap) -> io::Result<()> {
        let kind = if port.udp { SocketType::DGRAM } else { SocketType::STREAM };
        for (host, is_optional) in addresses(port.host) {
            match socket(host, kind) {
                // A machine without IPv6 has no clients that use it.
                Err(error) if is_optional && is_no_family(&error) => {}
                Err(error) => return Err(error),
                Ok(socket) if port.udp => self.udp.push((socket.into(), port.container_port)),
                Ok(socket) if host.is_ipv6() => self.tcp.push((socket.into(), port.container_port)),
                // The port is free, and pasta listens on it.
                Ok(_) => {}
            }
        }
        Ok(())
    }

    /// Starts to forward into the network namespace `netns`.
    pub(crate) fn start(self, netns: BorrowedFd<'_>) -> Result<(), SandboxError> {
        for (listener, port) in self.tcp {
            start_thread(netns, move || tcp::serve(&listener, port))?;
        }
        for (socket, port) in self.udp {
            start_thread(netns, move || udp::serve(socket, port))?;
        }
        Ok(())
    }
}

/// Returns the addresses to listen on for `host`, and whether each can be left out. `0.0.0.0` stands for all addresses.
fn addresses(host: SocketAddr) -> Vec<(SocketAddr, bool)> {
    let all_v6 = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), host.port());
    if host.is_ipv4() && host.ip().is_unspecified() {
        vec![(host, false), (all_v6, true)]
    } else {
        vec![(host, false)]
    }
}

/// Makes a socket that listens on `host`; one for IPv6 leaves IPv4 alone.
fn socket(host: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if host.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if host.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if kind == SocketType::STREAM {
        // Connections of an earlier container that the kernel still remembers do not count.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &host)?;
    if kind == SocketType::STREAM {
        listen(&socket, BACKLOG)?;
    }
    Ok(socket)
}

fn is_no_family(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

fn unusable(port: &PortMap, error: &io::Error) -> SandboxError {
    let advice = match error.raw_os_error() {
        Some(libc::EADDRINUSE) => {
            "another program uses that port: choose another, or stop the program".to_owned()
        }
        Some(libc::EACCES) => {
            format!("{error}; ports below sysctl net.ipv4.ip_unprivileged_port_start are for root")
        }
        _ => error.to_string(),
    };
    let protocol = if port.udp { "udp" } else { "tcp" };
    SandboxError::Port { port: format!("{}/{protocol}", port.host), reason: advice }
}

/// Starts a thread that enters `netns` and then does `work`.
fn start_thread(netns: BorrowedFd<'_>, work: impl FnOnce() + Send + 'static) -> Result<(), SandboxError> {
    let netns = netns.try_clone_to_owned().map_err(os("duplicate a descriptor"))?;
    let enter = move || {
        // The kernel has let the witness in, which has the same rights, so that it lets this thread in.
        if move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network)).is_ok() {
            drop(netns);
            work();
        }
    };
    thread::Builder::new().spawn(enter).map(drop).map_err(os("start a thread for a published port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(host: &str, udp: bool) -> PortMap {
        PortMap { host: host.parse().unwrap(), container_port: 80, udp }
    }

    #[test]
    fn all_addresses_are_those_of_both_families() {
        let hosts =
            |host: &str| addresses(host.parse().unwrap()).into_iter().map(|(host, _)| host.to_string());
        assert_eq!(hosts("0.0.0.0:1").collect::<Vec<_>>(), ["0.0.0.0:1", "[::]:1"]);
        assert_eq!(hosts("127.0.0.1:1").collect::<Vec<_>>(), ["127.0.0.1:1"]);
        assert_eq!(hosts("[::]:1").collect::<Vec<_>>(), ["[::]:1"]);
    }

    #[track_caller]
    fn check_in_use(holder: &str, udp: bool, wanted: &str) {
        let (tcp, other) = (TcpListener::bind(holder).unwrap(), UdpSocket::bind(holder).unwrap());
        let number = if udp { other.local_addr() } else { tcp.local_addr() }.unwrap().port();
        let wanted = format!("{wanted}:{number}");
        let error = Forwarders::bind(&[port(&wanted, udp)]).unwrap_err().to_string();
        assert!(error.contains(&format!("{wanted}/")) && error.contains("uses that port"), "{error}");
    }

    #[test]
    fn a_port_in_use_is_named() {
        check_in_use("0.0.0.0:0", false, "0.0.0.0");
        check_in_use("127.0.0.1:0", false, "0.0.0.0");
        check_in_use("127.0.0.1:0", false, "127.0.0.1");
        check_in_use("[::1]:0", false, "0.0.0.0");
        check_in_use("0.0.0.0:0", true, "127.0.0.1");
    }

    #[test]
    fn ipv6_and_udp_are_forwarded_here_and_tcp_by_ipv4_is_not() {
        let forwarders = Forwarders::bind(&[port("127.0.0.1:0", false)]).unwrap();
        assert_eq!((forwarders.tcp.len(), forwarders.udp.len()), (0, 0));
        let forwarders = Forwarders::bind(&[port("0.0.0.0:0", false), port("0.0.0.0:0", true)]).unwrap();
        assert_eq!((forwarders.tcp.len(), forwarders.udp.len()), (1, 2));
    }
}
