//! A private network that several sandboxes share, one after another or at once.
//!
//! ```text
//! caller ── control ── keeper          pid 1 of a pid namespace: our own program, executed again
//!                         └── pasta    in the caller's network namespace, connects the shared one
//! ```
//!
//! Connecting a network takes longer than a trivial process runs, so that a build does it once. The keeper ends when
//! the caller's end of `control` is closed, of whatever, and pasta with it, as it is in the keeper's pid namespace.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::channel::Channel;
use crate::error::os;
use crate::launch::Supervisor;
use crate::message::{FromSupervisor, ToSupervisor};
use crate::wire::encode;
use crate::{SandboxError, sys};

/// It takes a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// A network namespace with a way out. It is closed when the last of its clones, and of the sandboxes in it, is gone;
/// the way out ends with the last clone.
#[derive(Debug, Clone)]
pub struct SharedNetwork(Arc<Connected>);

#[derive(Debug)]
struct Connected {
    netns: OwnedFd,
    _keeper: Supervisor,
}

/// A network that is being connected. Given up when dropped.
#[derive(Debug)]
pub struct Connecting(Supervisor);

impl SharedNetwork {
    /// Begins to connect one.
    pub fn start() -> Result<Connecting, SandboxError> {
        let pasta = super::command(&[])?;
        let (keeper, theirs) = Supervisor::start()?;
        drop(theirs);
        keeper.send(&ToSupervisor::KeepNetwork(pasta), &[]).map_err(os("ask for a network"))?;
        Ok(Connecting(keeper))
    }

    /// The network namespace.
    pub(crate) fn netns(&self) -> BorrowedFd<'_> {
        self.0.netns.as_fd()
    }
}

/// The same one.
impl PartialEq for SharedNetwork {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedNetwork {}

impl Connecting {
    /// Waits until it works.
    pub fn finish(self) -> Result<SharedNetwork, SandboxError> {
        if !self.0.answers_within(PATIENCE)? {
            return Err(SandboxError::Network {
                reason: format!("pasta could not connect it within {} s", PATIENCE.as_secs()),
            });
        }
        let netns = self.0.started()?;
        Ok(SharedNetwork(Arc::new(Connected { netns, _keeper: self.0 })))
    }
}

/// The keeper: connects a new network namespace by `pasta`, hands it out, and stays until the caller hangs up.
pub(crate) fn keep(pasta: &[OsString], control: &Channel) -> Result<(), SandboxError> {
    // Another thread's, as only root of the host could go back. It has ended before `connect`, which forks.
    let made = std::thread::Builder::new().spawn(new_namespace).map_err(os("start a thread"))?;
    let netns = made.join().unwrap_or_else(|_| Err(os("make a network")(rustix::io::Errno::IO)))?;
    super::connect(pasta, netns.as_fd(), control.as_fd())?;
    let told = control.send(&encode(&FromSupervisor::Started), &[netns.as_fd()]);
    told.map_err(os("hand the network over"))?;
    let mut watched = [PollFd::new(control, PollFlags::IN)];
    while poll(&mut watched, None).err() == Some(rustix::io::Errno::INTR) {}
    Ok(())
}

/// Moves this thread into a new network namespace, whose loopback is up.
fn new_namespace() -> Result<OwnedFd, SandboxError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(os("make a network namespace"))?;
    sys::loopback_up().map_err(os("bring loopback up"))?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    openat(CWD, "/proc/thread-self/ns/net", flags, Mode::empty()).map_err(os("open the network namespace"))
}
