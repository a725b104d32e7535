//! Accepting the clients of a monitor.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use super::hub::Hub;
use super::requests;
use crate::RunnerError;
use crate::endpoint;
use crate::error::io_error;

/// Pause when a client cannot be accepted, because no descriptor is left.
const PAUSE: Duration = Duration::from_millis(10);

/// Listens for clients, each of which gets a thread, until this process ends.
pub(super) fn listen(hub: &Arc<Hub>) -> Result<(), RunnerError> {
    let dir = hub.container().dir().to_owned();
    let listener = endpoint::bind(&dir).map_err(io_error("listen in", &dir))?;
    let hub = Arc::clone(hub);
    let accept = move || {
        for client in listener.incoming() {
            match client {
                Ok(client) if is_same_user(&client) => serve(&hub, client),
                Ok(_) => {}
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    };
    std::thread::Builder::new().spawn(accept).map(drop).map_err(|source| RunnerError::Thread { source })
}

fn serve(hub: &Arc<Hub>, client: UnixStream) {
    let hub = Arc::clone(hub);
    // A client without a thread is hung up on.
    let _ = std::thread::Builder::new().spawn(move || requests::serve(&hub, client));
}

/// Reports whether a client runs as the user of this process. In a user namespace, both have the same ID there.
fn is_same_user(client: &UnixStream) -> bool {
    let peer = rustix::net::sockopt::socket_peercred(client.as_fd());
    peer.is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}
