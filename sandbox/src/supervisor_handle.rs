//! The caller's handle of a supervisor: starting it, talking to it, ending it.
//!
//! The supervisor is our own program, executed again as pid 1 of a new pid namespace (see `init`). Its end is the end of
//! every process in that namespace, so that dropping the handle ends the whole sandbox or network.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use rustix::time::Timespec;

use crate::channel::{Channel, Message};
use crate::error::os;
use crate::message::{FromSupervisor, ToSupervisor};
use crate::sys::PidNamespace;
use crate::wire::{decode, encode};
use crate::{SandboxError, exe, sys};

/// A supervisor process; killed, and everything in its pid namespace with it, if dropped before it was reaped.
#[derive(Debug)]
pub(crate) struct SupervisorHandle {
    control: Channel,
    pidfd: OwnedFd,
    reaped: bool,
}

impl SupervisorHandle {
    /// Starts a supervisor in a pid namespace of its own.
    ///
    /// Also returns the supervisor's end of the control channel. The caller closes it once the first message is sent;
    /// as long as it is open, the end of the supervisor does not close the channel.
    pub(crate) fn start() -> Result<(Self, Channel), SandboxError> {
        Self::start_in(PidNamespace::New)
    }

    /// Starts a supervisor in the caller's pid namespace, for joining a sandbox. Its end does not end its children.
    pub(crate) fn start_beside() -> Result<(Self, Channel), SandboxError> {
        Self::start_in(PidNamespace::Caller)
    }

    fn start_in(namespace: PidNamespace) -> Result<(Self, Channel), SandboxError> {
        let (control, theirs) = Channel::pair().map_err(os("make a channel"))?;
        let pidfd = sys::start_init(exe::protected()?, theirs.as_fd(), namespace).map_err(no_namespace)?;
        Ok((Self { control, pidfd, reaped: false }, theirs))
    }

    /// Sends a message with descriptors.
    pub(crate) fn send(&self, message: &ToSupervisor, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.control.send(&encode(message), fds)
    }

    /// Waits for the message that the guest or the network exists, and returns the descriptor that comes with it.
    pub(crate) fn started(&self) -> Result<OwnedFd, SandboxError> {
        let message = self.control.receive().map_err(os("receive from the sandbox's init"))?;
        let Some(Message { payload, mut fds }) = message else { return Err(died()) };
        match (decode(&payload), fds.pop()) {
            (Some(FromSupervisor::Started), Some(fd)) => Ok(fd),
            (Some(FromSupervisor::Failed(error)), _) => Err(error),
            _ => Err(died()),
        }
    }

    /// Waits for at most `timeout` for a message, or for the end of the supervisor. Returns whether there is one.
    pub(crate) fn answers_within(&self, timeout: Duration) -> Result<bool, SandboxError> {
        readable_within(&self.control, timeout).map_err(os("wait for the sandbox"))
    }

    /// Waits for the next message; `None` means that the supervisor has ended without one.
    pub(crate) fn receive(&self) -> Result<Option<FromSupervisor>, SandboxError> {
        let message = self.control.receive().map_err(os("receive from the sandbox's init"))?;
        Ok(message.and_then(|message| decode(&message.payload)))
    }

    /// Returns why the guest ended without a report: the supervisor knows the reason, unless it was killed itself.
    pub(crate) fn reason_for_silence(&self) -> SandboxError {
        match self.receive() {
            Ok(Some(FromSupervisor::Failed(error))) | Err(error) => error,
            Ok(_) => died(),
        }
    }

    /// Waits for the end of the supervisor, before which the kernel has ended everything in its pid namespace.
    ///
    /// A supervisor that was reaped already is not an error: that happens in a caller that ignores SIGCHLD.
    pub(crate) fn reap(&mut self) {
        while waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED).err()
            == Some(rustix::io::Errno::INTR)
        {}
        self.reaped = true;
    }
}

impl Drop for SupervisorHandle {
    fn drop(&mut self) {
        if !self.reaped {
            // The only failure is a process that has ended already.
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
            self.reap();
        }
    }
}

/// Returns the error for an init that ended without a message.
pub(crate) fn died() -> SandboxError {
    os("start the process: the sandbox's init died")(io::Error::from_raw_os_error(libc::ECHILD))
}

fn no_namespace(error: io::Error) -> SandboxError {
    match error.raw_os_error() {
        Some(libc::EPERM) => SandboxError::Unavailable {
            what: "this process may not make namespaces".into(),
            hint:
                "run it as root, or where user namespaces are allowed; in a container it needs CAP_SYS_ADMIN"
                    .into(),
        },
        _ => os("start the sandbox's init")(error),
    }
}

fn readable_within(control: &Channel, timeout: Duration) -> io::Result<bool> {
    // A deadline that the clock cannot represent means to wait without one.
    let deadline = Instant::now().checked_add(timeout);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.map(Timespec::try_from).transpose().map_err(|_| io::ErrorKind::InvalidInput)?;
        match poll(&mut [PollFd::new(control, PollFlags::IN)], left.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}
