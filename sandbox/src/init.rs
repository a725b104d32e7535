//! The two processes of a sandbox, both our own program executed again.
//!
//! ```text
//! supervisor  (here) pid 1 of the outer pid namespace, in the caller's other namespaces: starts the guest, serves it
//!             what only the outside can (pasta, sockets), waits for its end or the caller's
//! guest       pid 1 of the inner pid namespace: makes its namespaces and mounts, gives up its rights, executes
//! ```
//!
//! A supervisor may be asked to keep a network instead (`network::shared`); then there is no guest.
//!
//! Both have one thread while they set up. The supervisor's end is the end of all in both namespaces.

mod dev;
mod guest;
mod host_services;
mod masked_paths;
mod mount_points;
mod program;
mod rights;
mod scratch;
mod system_mounts;

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{DumpableBehavior, WaitId, WaitIdOptions, WaitIdStatus, set_dumpable_behavior, waitid};

use crate::channel::Channel;
use crate::error::os;
use crate::message::{FromSupervisor, ToSupervisor};
use crate::plan::{Fds, Plan};
use crate::wire::{decode, encode};
use crate::{Exit, SandboxError, Usage, network, sys};

/// Becomes the supervisor. Never returns.
pub(crate) fn run() -> ! {
    std::process::exit(match supervise() {
        Ok(()) => 0,
        Err(Silent) => 1,
    })
}

/// There is nobody to tell.
struct Silent;

fn supervise() -> Result<(), Silent> {
    let control = Channel::from(sys::inherited_control().map_err(|_| Silent)?);
    let result = prepare().and_then(|()| serve(&control));
    let last = match result {
        Ok(Some(exit)) => FromSupervisor::Exited(exit, Usage::of_children()),
        Ok(None) => return Err(Silent),
        Err(error) => FromSupervisor::Failed(error),
    };
    control.send(&encode(&last), &[]).map_err(|_| Silent)
}

/// Frees the process of what it has from its parent.
fn prepare() -> Result<(), SandboxError> {
    // For the guest too, which inherits it.
    sys::reset_signals();
    sys::close_from(sys::CONTROL_FD + 1).map_err(os("close inherited descriptors"))?;
    // Nobody may look into us, or reach our program through us, before the guest has become another.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(os("become opaque"))?;
    let _ = rustix::thread::set_name(c"dsbuild-init");
    // Out of the caller's process group: a ^C is for the caller to handle.
    rustix::process::setsid().map_err(os("start a session"))?;
    Ok(())
}

/// Does what the caller wants; gives the end of a sandbox, or `None` if the caller went first.
fn serve(control: &Channel) -> Result<Option<Exit>, SandboxError> {
    let Some(message) = control.receive().map_err(os("receive the plan"))? else { return Ok(None) };
    let unreadable = || os("read the plan")(rustix::io::Errno::BADMSG);
    match decode(&message.payload).ok_or_else(unreadable)? {
        ToSupervisor::KeepNetwork(pasta) => network::keep(&pasta, control).map(|()| None),
        ToSupervisor::Run(_) if message.fds.is_empty() => Err(unreadable()),
        ToSupervisor::Run(plan) => run_sandbox(*plan, message.fds, control),
    }
}

fn run_sandbox(
    plan: Plan,
    mut received: Vec<OwnedFd>,
    control: &Channel,
) -> Result<Option<Exit>, SandboxError> {
    let report = Channel::from(received.remove(0));
    let (guest, helper) = start_guest(plan, Fds::from(received), report)?;
    let started = control.send(&encode(&FromSupervisor::Started), &[guest.as_fd()]);
    if started.is_err() {
        return Ok(None);
    }
    until_end(control, &guest, helper)
}

/// Forks the guest; gives its pidfd and our end of the channel on which it asks for help.
fn start_guest(plan: Plan, fds: Fds, report: Channel) -> Result<(OwnedFd, Channel), SandboxError> {
    let (ours, theirs) = Channel::pair().map_err(os("make a channel"))?;
    match sys::fork_into_pid_namespace().map_err(os("make a pid namespace"))? {
        Some(guest) => Ok((guest, ours)),
        None => {
            drop(ours);
            guest::run(&plan, fds, &report, theirs)
        }
    }
}

/// Serves the guest until its end, or the caller's: `None`.
fn until_end(control: &Channel, guest: &OwnedFd, helper: Channel) -> Result<Option<Exit>, SandboxError> {
    let mut helper = Some(helper);
    loop {
        let mut watched = vec![PollFd::new(guest, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
        watched.extend(helper.as_ref().map(|helper| PollFd::new(helper, PollFlags::IN)));
        match poll(&mut watched, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result.map_err(os("watch the process"))?,
        };
        let ready: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(watched);
        match ready[..] {
            [true, ..] => return exit_of(guest).map(Some),
            [_, true, ..] => return Ok(None),
            // It asks once, at most.
            _ => {
                if let Some(helper) = helper.take() {
                    host_services::serve(&helper, control.as_fd())?;
                }
            }
        }
    }
}

fn exit_of(guest: &OwnedFd) -> Result<Exit, SandboxError> {
    let ended = loop {
        match waitid(WaitId::PidFd(guest.as_fd()), WaitIdOptions::EXITED) {
            Err(rustix::io::Errno::INTR) => {}
            result => break result.map_err(os("wait for the process"))?,
        }
    };
    let code = ended.as_ref().and_then(WaitIdStatus::exit_status);
    let signal = ended.as_ref().and_then(WaitIdStatus::terminating_signal);
    Ok(match code {
        Some(code) => Exit::Code(code),
        None => Exit::Signal(signal.unwrap_or(libc::SIGKILL)),
    })
}
