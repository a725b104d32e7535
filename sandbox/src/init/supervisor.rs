//! The supervisor: starts the guest, serves it, and waits for its end or the caller's.
//!
//! The end of the supervisor is the end of every process in both pid namespaces.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{DumpableBehavior, WaitId, WaitIdOptions, WaitIdStatus, set_dumpable_behavior, waitid};

use super::report::Report;
use super::{guest, host_services, joiner, network_keeper};
use crate::channel::Channel;
use crate::error::os;
use crate::message::{FromSupervisor, ToSupervisor};
use crate::outcome::Exit;
use crate::plan::{Fds, JoinPlan, Plan};
use crate::wire::{decode, encode};
use crate::{SandboxError, Usage, sys};

/// Becomes the supervisor. Never returns.
pub(super) fn run() -> ! {
    std::process::exit(match supervise() {
        Ok(()) => 0,
        Err(NoCaller) => 1,
    })
}

/// The caller is gone, so that no process is left to report to.
struct NoCaller;

fn supervise() -> Result<(), NoCaller> {
    let control = Channel::from(sys::inherited_control().map_err(|_| NoCaller)?);
    let result = detach_from_parent().and_then(|()| serve(&control));
    let last = match result {
        Ok(Some(exit)) => FromSupervisor::Exited(exit, Usage::of_children()),
        Ok(None) => return Err(NoCaller),
        Err(error) => FromSupervisor::Failed(error),
    };
    control.send(&encode(&last), &[]).map_err(|_| NoCaller)
}

/// Frees the process of what it has inherited from its parent.
fn detach_from_parent() -> Result<(), SandboxError> {
    // The guest inherits the reset signals.
    sys::reset_signals();
    sys::close_from(sys::CONTROL_FD + 1).map_err(os("close inherited descriptors"))?;
    // Other processes must not trace this one, or reach our program through it. The guest, which inherits this, is
    // protected until it executes the program.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(os("become opaque"))?;
    // The name is for `ps` only.
    let _ = rustix::thread::set_name(c"dsbuild-init");
    // A session of our own is outside of the caller's process group: the caller handles a ^C.
    rustix::process::setsid().map_err(os("start a session"))?;
    Ok(())
}

/// Does the task of the caller. Returns how the guest ended, or `None` if the caller hung up first.
fn serve(control: &Channel) -> Result<Option<Exit>, SandboxError> {
    let Some(message) = control.receive().map_err(os("receive the plan"))? else { return Ok(None) };
    let unreadable = || os("read the plan")(rustix::io::Errno::BADMSG);
    match decode(&message.payload).ok_or_else(unreadable)? {
        ToSupervisor::KeepNetwork(pasta) => network_keeper::keep(&pasta, control).map(|()| None),
        ToSupervisor::Join(_) if message.fds.len() < 2 => Err(unreadable()),
        ToSupervisor::Join(plan) => join_sandbox(&plan, message.fds, control),
        ToSupervisor::Run(_) if message.fds.is_empty() => Err(unreadable()),
        ToSupervisor::Run(plan) => run_sandbox(*plan, message.fds, control),
    }
}

fn run_sandbox(
    plan: Plan,
    mut received: Vec<OwnedFd>,
    control: &Channel,
) -> Result<Option<Exit>, SandboxError> {
    let report = Report::from(received.remove(0));
    let (guest, requests) = start_guest(plan, Fds::from(received), report)?;
    watch(control, &guest, Some(requests))
}

fn join_sandbox(
    plan: &JoinPlan,
    mut received: Vec<OwnedFd>,
    control: &Channel,
) -> Result<Option<Exit>, SandboxError> {
    let report = Report::from(received.remove(0));
    let first = received.remove(0);
    let process = joiner::start(plan, first, Fds::from(received), report)?;
    watch(control, &process, None)
}

/// Sends the pidfd of a process to the caller, and waits for its end. Returns `None` if the caller hangs up first.
fn watch(
    control: &Channel,
    process: &OwnedFd,
    requests: Option<Channel>,
) -> Result<Option<Exit>, SandboxError> {
    let started = control.send(&encode(&FromSupervisor::Started), &[process.as_fd()]);
    if started.is_err() {
        return Ok(None);
    }
    until_end(control, process, requests)
}

/// Forks the guest. Returns its pidfd and our end of the channel on which it requests services.
fn start_guest(plan: Plan, fds: Fds, report: Report) -> Result<(OwnedFd, Channel), SandboxError> {
    let (ours, theirs) = Channel::pair().map_err(os("make a channel"))?;
    match sys::fork_into_pid_namespace().map_err(os("make a pid namespace"))? {
        Some(guest) => Ok((guest, ours)),
        None => {
            drop(ours);
            guest::run(&plan, fds, &report, theirs)
        }
    }
}

/// Serves the guest until it ends. Returns `None` if the caller hangs up first.
fn until_end(
    control: &Channel,
    guest: &OwnedFd,
    mut requests: Option<Channel>,
) -> Result<Option<Exit>, SandboxError> {
    loop {
        let mut watched = vec![PollFd::new(guest, PollFlags::IN), PollFd::new(control, PollFlags::IN)];
        watched.extend(requests.as_ref().map(|requests| PollFd::new(requests, PollFlags::IN)));
        match poll(&mut watched, None) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result.map_err(os("watch the process"))?,
        };
        let ready: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(watched);
        match ready[..] {
            [true, ..] => return exit_of(guest).map(Some),
            [_, true, ..] => return Ok(None),
            // A guest makes at most one request.
            _ => {
                if let Some(requests) = requests.take() {
                    host_services::serve(&requests, control.as_fd())?;
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
