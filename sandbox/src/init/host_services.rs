//! What the guest cannot do for itself: connect its network, and reach sockets of the host.
//!
//! The guest sends one request, empty if it needs nothing, and waits for the answer: no error, or one.

use std::ffi::OsString;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use crate::channel::Channel;
use crate::error::os;
use crate::wire::{decode, encode, wire_struct};
use crate::{SandboxError, network};

/// What the guest asks for. The descriptors: its network namespace if `pasta` is not empty, then a listening socket
/// for each of `sockets`.
#[derive(Debug, Default)]
pub(super) struct Request {
    /// The command that connects the network.
    pub(super) pasta: Vec<OsString>,
    /// Sockets of the host.
    pub(super) sockets: Vec<PathBuf>,
}

wire_struct!(Request { pasta, sockets });

/// The guest's side: asks, and waits.
pub(super) fn ask(helper: &Channel, request: &Request, fds: &[OwnedFd]) -> Result<(), SandboxError> {
    let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    helper.send(&encode(request), &borrowed).map_err(os("ask for help outside"))?;
    let answer = helper.receive().map_err(os("wait for help outside"))?;
    let gone = || os("wait for help outside")(rustix::io::Errno::PIPE);
    let answer: Option<SandboxError> = decode(&answer.ok_or_else(gone)?.payload).ok_or_else(gone)?;
    answer.map_or(Ok(()), Err)
}

/// The supervisor's side: serves the one request of a guest, if it makes one. Gives up when `caller` hangs up.
pub(super) fn serve(helper: &Channel, caller: BorrowedFd<'_>) -> Result<(), SandboxError> {
    let Some(message) = helper.receive().map_err(os("hear what the sandbox needs"))? else { return Ok(()) };
    let unreadable = || os("read what the sandbox needs")(rustix::io::Errno::BADMSG);
    let request: Request = decode(&message.payload).ok_or_else(unreadable)?;
    let answer = fulfil(request, message.fds.into_iter(), caller).err();
    // A guest that is gone meanwhile is noticed by whoever waits for it.
    let _ = helper.send(&encode(&answer), &[]);
    Ok(())
}

fn fulfil(
    request: Request,
    mut fds: impl Iterator<Item = OwnedFd>,
    caller: BorrowedFd<'_>,
) -> Result<(), SandboxError> {
    let mut next =
        || fds.next().ok_or_else(|| os("find a descriptor of the sandbox")(rustix::io::Errno::BADF));
    if !request.pasta.is_empty() {
        network::connect(&request.pasta, next()?.as_fd(), caller)?;
    }
    for path in request.sockets {
        let listener = UnixListener::from(next()?);
        thread::Builder::new().spawn(move || forward_all(&listener, &path)).map_err(os("start a thread"))?;
    }
    Ok(())
}

/// Connects each client of `listener` to `path`. Ends only with the process.
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

/// Copies until the end of `from`, then tells `to` of it.
fn pump(mut from: &UnixStream, mut to: &UnixStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_socket_is_forwarded_both_ways() {
        let dir = tempfile::tempdir().unwrap();
        let outside = UnixListener::bind(dir.path().join("agent")).unwrap();
        let inside = UnixListener::bind(dir.path().join("inside")).unwrap();
        let request = Request { pasta: vec![], sockets: vec![dir.path().join("agent")] };
        let (ours, theirs) = Channel::pair().unwrap();
        let server = thread::spawn(move || serve(&theirs, theirs.as_fd()).unwrap());
        ask(&ours, &request, &[inside.into()]).unwrap();
        server.join().unwrap();
        let mut client = UnixStream::connect(dir.path().join("inside")).unwrap();
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

    #[test]
    fn a_guest_that_is_gone_is_no_error() {
        let (ours, theirs) = Channel::pair().unwrap();
        drop(ours);
        assert!(serve(&theirs, theirs.as_fd()).is_ok());
    }
}
