//! Services that the guest needs from outside: connecting its network, and reaching sockets of the host.
//!
//! The guest collects what it needs while it sets up and requests it from the supervisor in one message. The answer is
//! an optional error. A guest that needs nothing closes the channel without a message.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use super::socket_forward;
use crate::channel::Channel;
use crate::error::os;
use crate::network::Forwarders;
use crate::port_map::PortMap;
use crate::wire::{decode, encode, wire_struct};
use crate::{SandboxError, network};

/// Services that a guest needs: the guest's side.
#[derive(Default)]
pub(super) struct HostServices {
    request: Request,
    netns: Option<OwnedFd>,
    listeners: Vec<OwnedFd>,
}

/// The message of the guest. Descriptors: its network namespace unless `pasta` is empty, then one listening socket for
/// each of `sockets`.
#[derive(Debug, Default)]
struct Request {
    /// Command line that connects the network; empty if the network needs no connection.
    pasta: Vec<OsString>,
    /// Ports of the host that lead into the network.
    publish: Vec<PortMap>,
    /// Paths of the host's sockets to which clients are forwarded.
    sockets: Vec<PathBuf>,
}

wire_struct!(Request { pasta, publish, sockets });

impl HostServices {
    /// Requests that `netns` is connected with the command line `pasta`, and that the ports of `publish` lead there.
    pub(super) fn connect_network(&mut self, pasta: Vec<OsString>, publish: Vec<PortMap>, netns: OwnedFd) {
        self.request.pasta = pasta;
        self.request.publish = publish;
        self.netns = Some(netns);
    }

    /// Requests that clients of `listener` are connected to the socket of the host at `path`.
    pub(super) fn forward_socket(&mut self, path: PathBuf, listener: OwnedFd) {
        self.request.sockets.push(path);
        self.listeners.push(listener);
    }

    /// Sends the request, if anything is needed, and waits until it is fulfilled.
    pub(super) fn request(self, supervisor: Channel) -> Result<(), SandboxError> {
        let fds: Vec<BorrowedFd<'_>> = self.netns.iter().chain(&self.listeners).map(AsFd::as_fd).collect();
        if fds.is_empty() {
            return Ok(());
        }
        supervisor.send(&encode(&self.request), &fds).map_err(os("request services of the host"))?;
        let answer = supervisor.receive().map_err(os("wait for services of the host"))?;
        let gone = || os("wait for services of the host")(rustix::io::Errno::PIPE);
        let answer: Option<SandboxError> = decode(&answer.ok_or_else(gone)?.payload).ok_or_else(gone)?;
        answer.map_or(Ok(()), Err)
    }
}

/// Serves the request of a guest, if it makes one: the supervisor's side. Gives up when `caller` hangs up.
pub(super) fn serve(guest: &Channel, caller: BorrowedFd<'_>) -> Result<(), SandboxError> {
    let Some(message) = guest.receive().map_err(os("receive the sandbox's request"))? else { return Ok(()) };
    let unreadable = || os("read the sandbox's request")(rustix::io::Errno::BADMSG);
    let request: Request = decode(&message.payload).ok_or_else(unreadable)?;
    let answer = fulfil(request, message.fds.into_iter(), caller).err();
    // The supervisor notices by itself that a guest is gone.
    let _ = guest.send(&encode(&answer), &[]);
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
        let (netns, forwarders) = (next()?, Forwarders::bind(&request.publish)?);
        network::connect(&request.pasta, netns.as_fd(), caller)?;
        forwarders.start(netns.as_fd())?;
    }
    for path in request.sockets {
        socket_forward::start(UnixListener::from(next()?), path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_requested_socket_is_forwarded() {
        let dir = tempfile::tempdir().unwrap();
        let outside = UnixListener::bind(dir.path().join("agent")).unwrap();
        let inside = UnixListener::bind(dir.path().join("inside")).unwrap();
        let mut services = HostServices::default();
        services.forward_socket(dir.path().join("agent"), inside.into());
        let (ours, theirs) = Channel::pair().unwrap();
        let server = thread::spawn(move || serve(&theirs, theirs.as_fd()).unwrap());
        services.request(ours).unwrap();
        server.join().unwrap();
        std::os::unix::net::UnixStream::connect(dir.path().join("inside")).unwrap();
        outside.accept().expect("the client is connected to the socket outside");
    }

    #[test]
    fn a_guest_that_needs_nothing_makes_no_request() {
        let (ours, theirs) = Channel::pair().unwrap();
        HostServices::default().request(ours).unwrap();
        assert!(theirs.receive().unwrap().is_none());
    }

    #[test]
    fn a_guest_that_is_gone_is_not_an_error() {
        let (ours, theirs) = Channel::pair().unwrap();
        drop(ours);
        assert!(serve(&theirs, theirs.as_fd()).is_ok());
    }
}
