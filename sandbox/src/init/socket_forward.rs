//! Forwards clients of a socket in the sandbox to a socket of the host, such as an SSH agent.
//!
//! Concurrency: one thread per socket and per client, in the supervisor. They end with the process.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use crate::SandboxError;
use crate::error::os;

/// Starts a thread that connects each client of `listener` to the socket at `path`.
pub(super) fn start(listener: UnixListener, path: PathBuf) -> Result<(), SandboxError> {
    let thread = thread::Builder::new().spawn(move || forward_all(&listener, &path));
    thread.map(drop).map_err(os("start a thread"))
}

fn forward_all(listener: &UnixListener, path: &Path) {
    for client in listener.incoming() {
        let Ok(client) = client else { return };
        let path = path.to_owned();
        // A client that cannot be served sees its connection closed.
        let _ = thread::Builder::new().spawn(move || forward(&client, &path));
    }
}

fn forward(client: &UnixStream, path: &Path) -> io::Result<()> {
    let server = UnixStream::connect(path)?;
    thread::scope(|scope| {
        scope.spawn(|| pump(client, &server));
        pump(&server, client);
    });
    Ok(())
}

/// Copies until the end of `from`, then ends the stream to `to`.
fn pump(mut from: &UnixStream, mut to: &UnixStream) {
    // A connection that breaks ends like a closed connection.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn bytes_and_ends_of_streams_pass_in_both_directions() {
        let dir = tempfile::tempdir().unwrap();
        let (agent, inside) = (dir.path().join("agent"), dir.path().join("inside"));
        let outside = UnixListener::bind(&agent).unwrap();
        start(UnixListener::bind(&inside).unwrap(), agent).unwrap();
        let mut client = UnixStream::connect(&inside).unwrap();
        client.write_all(b"ping").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut agent, _) = outside.accept().unwrap();
        let mut text = String::new();
        agent.read_to_string(&mut text).unwrap();
        assert_eq!(text, "ping");
        agent.write_all(b"pong").unwrap();
        drop(agent);
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "pingpong");
    }
}
