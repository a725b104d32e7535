//! The keeper of a shared network: the supervisor's task when there is no guest, see `network::shared`.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};

use nix::sched::{CloneFlags, unshare};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::channel::Channel;
use crate::error::os;
use crate::message::FromSupervisor;
use crate::wire::encode;
use crate::{SandboxError, network, sys};

/// Connects a new network namespace with the command line `pasta`, sends it to the caller, and waits for the caller to
/// hang up.
pub(super) fn keep(pasta: &[OsString], control: &Channel) -> Result<(), SandboxError> {
    let netns = new_namespace()?;
    network::connect(pasta, netns.as_fd(), control.as_fd())?;
    let sent = control.send(&encode(&FromSupervisor::Started), &[netns.as_fd()]);
    sent.map_err(os("hand the network over"))?;
    let mut watched = [PollFd::new(control, PollFlags::IN)];
    while poll(&mut watched, None).err() == Some(rustix::io::Errno::INTR) {}
    Ok(())
}

/// Makes a network namespace and returns it; this thread stays in its own.
///
/// A thread of its own enters the new namespace, since only root of the host could come back. It has ended before
/// [`network::connect`], which forks.
fn new_namespace() -> Result<OwnedFd, SandboxError> {
    let thread = std::thread::Builder::new().spawn(enter_new_namespace).map_err(os("start a thread"))?;
    thread.join().unwrap_or_else(|_| Err(os("make a network")(rustix::io::Errno::IO)))
}

/// Moves the calling thread into a new network namespace with loopback up, and returns the namespace.
fn enter_new_namespace() -> Result<OwnedFd, SandboxError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(os("make a network namespace"))?;
    sys::loopback_up().map_err(os("bring loopback up"))?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    openat(CWD, "/proc/thread-self/ns/net", flags, Mode::empty()).map_err(os("open the network namespace"))
}
