//! Packets to a published port, and the answers to them.
//!
//! Each client has a socket of its own in the sandbox, as with a NAT, so that an answer finds its way back.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::targets;

/// Time without a packet after which a client is forgotten.
const MAX_IDLE: Duration = Duration::from_secs(90);
/// Clients that are remembered; each needs a descriptor.
const MAX_CLIENTS: usize = 512;
/// Largest packet: the length field of UDP has 16 bits.
const MAX_PACKET_BYTES: usize = 65_535;
/// Interval at which idle clients are looked for.
const SWEEP: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };

/// Forwards packets between `socket` and `port` in the network namespace of the calling thread, until `socket` fails.
pub(super) fn serve(socket: UdpSocket, port: u16) {
    if socket.set_nonblocking(true).is_err() {
        return;
    }
    let mut forwarder =
        Forwarder { socket, port, clients: HashMap::new(), buffer: vec![0; MAX_PACKET_BYTES] };
    while forwarder.step().is_ok() {}
}

struct Forwarder {
    socket: UdpSocket,
    port: u16,
    clients: HashMap<SocketAddr, Client>,
    buffer: Vec<u8>,
}

/// A client, as long as it is remembered.
struct Client {
    /// Socket in the sandbox, connected to the server.
    server: UdpSocket,
    /// Addresses of the server that were not tried yet.
    other_targets: Vec<SocketAddr>,
    /// Last packet, which is sent again where nobody listens at the first address.
    last_packet: Vec<u8>,
    last_used: Instant,
}

impl Forwarder {
    /// Waits for packets and forwards them.
    fn step(&mut self) -> io::Result<()> {
        let (from_clients, answered) = self.wait()?;
        answered.into_iter().for_each(|client| self.answer(client));
        if from_clients {
            self.ask()?;
        }
        self.clients.retain(|_, client| client.last_used.elapsed() < MAX_IDLE);
        Ok(())
    }

    /// Waits until packets have arrived. Returns whether clients sent some, and the clients that have an answer.
    fn wait(&self) -> io::Result<(bool, Vec<SocketAddr>)> {
        let mut watched = vec![PollFd::new(&self.socket, PollFlags::IN)];
        watched.extend(self.clients.values().map(|client| PollFd::new(&client.server, PollFlags::IN)));
        match poll(&mut watched, Some(&SWEEP)) {
            Err(rustix::io::Errno::INTR) => return Ok((false, Vec::new())),
            result => result?,
        };
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let answered = self.clients.keys().zip(&watched[1..]).filter(|(_, fd)| is_ready(fd));
        Ok((is_ready(&watched[0]), answered.map(|(client, _)| *client).collect()))
    }

    /// Sends the packets of clients to the server. A packet that cannot be sent is lost, as packets can be.
    fn ask(&mut self) -> io::Result<()> {
        loop {
            let (length, address) = match self.socket.recv_from(&mut self.buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // An answer to a client that has gone; the packets of others follow.
                Err(error) if is_refusal(&error) => continue,
                Err(error) => return Err(error),
            };
            if !self.clients.contains_key(&address) {
                self.forget_oldest();
                let Ok(client) = Client::new(address, self.port) else { continue };
                self.clients.insert(address, client);
            }
            if let Some(client) = self.clients.get_mut(&address) {
                client.send(&self.buffer[..length]);
            }
        }
    }

    fn forget_oldest(&mut self) {
        if self.clients.len() < MAX_CLIENTS {
            return;
        }
        let oldest =
            self.clients.iter().min_by_key(|(_, client)| client.last_used).map(|(address, _)| *address);
        oldest.and_then(|address| self.clients.remove(&address));
    }

    /// Sends the answers that the server has for a client.
    fn answer(&mut self, address: SocketAddr) {
        let Some(client) = self.clients.get_mut(&address) else { return };
        loop {
            match client.server.recv(&mut self.buffer) {
                Ok(length) => {
                    client.other_targets.clear();
                    client.last_used = Instant::now();
                    // An answer that cannot be sent is lost.
                    let _ = self.socket.send_to(&self.buffer[..length], address);
                }
                Err(error) if is_refusal(&error) && client.try_next() => {}
                Err(_) => return,
            }
        }
    }
}

impl Client {
    fn new(address: SocketAddr, port: u16) -> io::Result<Self> {
        let mut targets = targets::of_client(address, port);
        targets.reverse();
        let first = targets.pop().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let server = connected(first)?;
        Ok(Self { server, other_targets: targets, last_packet: Vec::new(), last_used: Instant::now() })
    }

    fn send(&mut self, packet: &[u8]) {
        self.last_used = Instant::now();
        if !self.other_targets.is_empty() {
            self.last_packet = packet.to_vec();
        }
        let is_refused = self.server.send(packet).is_err_and(|error| is_refusal(&error));
        if is_refused && !self.try_next() {
            // The refusal was that of an earlier packet.
            let _ = self.server.send(packet);
        }
    }

    /// Sends the last packet to the next address of the server. Returns false if no address is left.
    fn try_next(&mut self) -> bool {
        let Some(next) = self.other_targets.pop() else { return false };
        let Ok(server) = connected(next) else { return false };
        self.server = server;
        // A refusal comes back at the next read.
        let _ = self.server.send(&self.last_packet);
        true
    }
}

/// Makes a socket that exchanges packets with `server` only.
fn connected(server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.connect(server)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Reports whether an earlier packet came back: nobody listens there, or no way leads there.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Starts a forwarder to a server that answers every packet with "re:" before it. Returns a client of the forwarder.
    fn client_of_echo(server: &str) -> UdpSocket {
        let server = UdpSocket::bind(server).unwrap();
        let port = server.local_addr().unwrap().port();
        thread::spawn(move || {
            let mut buffer = [0; 100];
            while let Ok((length, client)) = server.recv_from(&mut buffer) {
                server.send_to(&[b"re:", &buffer[..length]].concat(), client).unwrap();
            }
        });
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let published = socket.local_addr().unwrap();
        thread::spawn(move || serve(socket, port));
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(published).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        client
    }

    #[track_caller]
    fn check(server: &str) {
        let client = client_of_echo(server);
        for packet in ["one", "two"] {
            client.send(packet.as_bytes()).unwrap();
            let mut buffer = [0; 100];
            let length = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], format!("re:{packet}").as_bytes(), "{server}");
        }
    }

    #[test]
    fn a_client_gets_the_answers_to_its_packets() {
        check("0.0.0.0:0");
        check("127.0.0.1:0");
    }

    #[test]
    fn a_server_of_the_other_family_is_found() {
        check("[::1]:0");
    }
}
