//! Connections to a published port.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::targets;
use crate::relay::relay;

/// Time after which accepting is tried again if it has failed: mostly there are too many open files.
const RETRY: Duration = Duration::from_millis(100);

/// Connects each client of `listener` to `port` in the network namespace of the calling thread. Never returns.
pub(super) fn serve(listener: &TcpListener, port: u16) {
    loop {
        match listener.accept() {
            Ok((client, address)) => start(client, address, port),
            Err(_) => thread::sleep(RETRY),
        }
    }
}

fn start(client: TcpStream, address: SocketAddr, port: u16) {
    let forward = move || dial(address, port).and_then(|server| relay(&client, &server));
    // A client that cannot be served sees its connection closed.
    let _ = thread::Builder::new().spawn(forward);
}

/// Connects to the first address where a server listens.
fn dial(client: SocketAddr, port: u16) -> io::Result<TcpStream> {
    TcpStream::connect(&*targets::of_client(client, port))
}
