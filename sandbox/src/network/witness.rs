//! A process in a sandbox's network namespace, through which pasta finds the namespace.
//!
//! pasta opens the namespace as `/proc/PID/ns/net`. It keeps only few capabilities, and the kernel does not let it open
//! the namespaces of a process that has more. The supervisor and the guest have more; the witness has no capabilities.
//! pasta cannot use a descriptor of the namespace instead: it closes the descriptors that it inherits, and its AppArmor
//! profiles allow only this path.

use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::retry_on_intr;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, LinkNameSpaceType, move_into_link_name_space, set_capabilities,
};

use crate::error::os;
use crate::{SandboxError, sys};

/// A running witness; the process ends when this value is dropped.
pub(super) struct Witness {
    /// Process ID as `/proc` shows it.
    pid: String,
    /// Write end of a pipe from which the process reads until it is closed.
    _alive: OwnedFd,
}

impl Witness {
    /// Forks a process that enters `netns`. The calling process has one thread.
    pub(super) fn start(netns: BorrowedFd<'_>) -> Result<Self, SandboxError> {
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(os("make a pipe"));
        let ((end, alive), (answer, report)) = (pipe()?, pipe()?);
        match sys::fork().map_err(os("fork"))? {
            sys::Fork::Child => {
                drop((alive, answer));
                testify(netns, report);
                wait_for_end(&end);
                sys::exit_now(0)
            }
            sys::Fork::Parent(_) => {
                drop(report);
                Ok(Self { pid: pid_from(answer)?, _alive: alive })
            }
        }
    }

    /// Path of the network namespace, which pasta can open.
    pub(super) fn netns_path(&self) -> String {
        format!("/proc/{}/ns/net", self.pid)
    }
}

/// Enters `netns` and writes the own process ID to `report`, or nothing if that fails: the parent reports it.
fn testify(netns: BorrowedFd<'_>, report: OwnedFd) {
    if let Ok(pid) = enter_without_rights(netns) {
        // A parent that is gone reads no answer.
        let _ = retry_on_intr(|| rustix::io::write(&report, &pid));
    }
}

/// Enters `netns`, gives up all capabilities, and returns the own process ID as `/proc` shows it.
fn enter_without_rights(netns: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    Ok(rustix::fs::readlink("/proc/self", Vec::new())?.into_bytes())
}

/// Blocks until the other end of the pipe is closed.
fn wait_for_end(end: &OwnedFd) {
    // Nothing is ever written: any result means that the pipe is closed, or that we should end as well.
    let _ = retry_on_intr(|| rustix::io::read(end, &mut [0]));
}

fn pid_from(answer: OwnedFd) -> Result<String, SandboxError> {
    let mut pid = String::new();
    let read = std::fs::File::from(answer).read_to_string(&mut pid);
    read.map_err(os("enter the network namespace"))?;
    if pid.is_empty() {
        return Err(os("enter the network namespace")(rustix::io::Errno::PERM));
    }
    Ok(pid)
}
