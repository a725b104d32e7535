//! Starting a sandbox: the caller's side.
//!
//! ```text
//! caller ── control ── supervisor     pid 1 of an outer pid namespace; our own program, executed again
//!    └───── report ─────── guest      pid 1 of the inner pid namespace; builds the sandbox, then becomes the program
//! ```
//!
//! The supervisor receives the plan through `control`, and sends back how the guest ended. The supervisor ends when the
//! guest ends, when `control` is closed because the caller died, or when it is killed. The kernel then ends everything
//! in both namespaces. No process of the sandbox can see the supervisor, so none can prevent this. A death signal
//! (`PR_SET_PDEATHSIG`) on the guest would not do: the first set-user-ID program cancels it.
//!
//! `report` carries created mount points, the terminal and errors. The guest's end is close-on-exec, so the end of the
//! stream means that the program runs.
//!
//! A further process ([`exec`]) has a supervisor of its own, which is in the caller's pid namespace and enters those of
//! the sandbox: the kernel lets nobody enter a pid namespace that is not below its own.
//!
//! Concurrency: any thread can spawn and wait. A sandbox does not depend on the thread that started it.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::SandboxError;
use crate::cgroup::Cgroup;
use crate::channel::{Channel, Message};
use crate::error::os;
use crate::message::{FromGuest, ToSupervisor};
use crate::network::Network;
use crate::plan::Fds;
use crate::prepare::{Output, SandboxRights, prepare, prepare_join};
use crate::running::{Running, Sandbox, Started};
use crate::spec::{Process, Spec};
use crate::supervisor_handle::{SupervisorHandle, died};
use crate::wire::decode;

/// Builds a sandbox and starts its process. Returns when the process has been executed, or has failed to be.
pub fn spawn(spec: Spec) -> Result<Running, SandboxError> {
    let cgroup = Cgroup::new(&spec.limits)?;
    let sandbox = Sandbox { rights: SandboxRights::of(&spec), namespaces: own_namespaces(&spec) };
    let (plan, fds, output) = prepare(spec, cgroup.entrances()?)?;
    let supervisor = SupervisorHandle::start()?;
    let task = ToSupervisor::Run(Box::new(plan));
    let (supervisor, guest, started) = start(supervisor, &task, None, fds, output)?;
    Running::new(supervisor, guest, cgroup, started, sandbox)
}

/// Starts a further process in a running sandbox, with the namespaces, the limits and the rights of the sandbox.
///
/// `privileged` gives it all capabilities and all system calls. It is killed with the sandbox. Unlike for the first
/// process, its working directory must exist.
pub fn exec(running: &Running, process: Process, privileged: bool) -> Result<Running, SandboxError> {
    let mut sandbox = running.sandbox();
    sandbox.rights.insecure |= privileged;
    let cgroups = running.cgroup_entrances()?;
    let (plan, fds, output) = prepare_join(process, sandbox.rights, sandbox.namespaces, cgroups)?;
    let supervisor = SupervisorHandle::start_beside()?;
    let task = ToSupervisor::Join(Box::new(plan));
    let (supervisor, process, started) =
        start(supervisor, &task, Some(running.first_process()), fds, output)?;
    Running::new(supervisor, process, Cgroup::default(), started, sandbox)
}

/// Gives a supervisor its task, and waits until the process has been executed. Returns its pidfd and its streams.
fn start(
    (supervisor, theirs): (SupervisorHandle, Channel),
    task: &ToSupervisor,
    first: Option<BorrowedFd<'_>>,
    fds: Fds,
    output: Option<Output>,
) -> Result<(SupervisorHandle, OwnedFd, Started), SandboxError> {
    let (report, guests) = Channel::pair().map_err(os("make a channel"))?;
    let mut sent = vec![guests.as_fd()];
    sent.extend(first);
    sent.extend(fds.borrowed());
    let delivered = supervisor.send(task, &sent);
    drop((sent, theirs));
    drop((guests, fds));
    delivered.map_err(os("hand over the plan"))?;
    let process = supervisor.started()?;
    let mut started = Started { output, ..Started::default() };
    if !follow_setup(&report, &mut started)? {
        return Err(supervisor.reason_for_silence());
    }
    Ok((supervisor, process, started))
}

/// Returns the namespaces that a sandbox has of its own, as flags of `setns`. Every sandbox has a cgroup namespace where
/// the kernel has them.
fn own_namespaces(spec: &Spec) -> i32 {
    let mut flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS;
    if !spec.boundary.host_uts {
        flags |= libc::CLONE_NEWUTS;
    }
    if !matches!(spec.network, Network::Host | Network::HostRestricted) {
        flags |= libc::CLONE_NEWNET;
    }
    if !spec.host_ipc {
        flags |= libc::CLONE_NEWIPC;
    }
    flags
}

/// Listens to the guest until its end of the channel closes. Returns whether the guest got as far as the program.
fn follow_setup(report: &Channel, started: &mut Started) -> Result<bool, SandboxError> {
    let mut is_ready = false;
    while let Some(Message { payload, mut fds }) = report.receive().map_err(os("receive from the sandbox"))? {
        match decode(&payload).ok_or_else(died)? {
            FromGuest::MountPoint(created) => started.created_mount_points.push(created),
            FromGuest::Terminal => started.terminal = fds.pop().map(File::from),
            FromGuest::Ready => is_ready = true,
            FromGuest::Failed(error) => return Err(error),
        }
    }
    Ok(is_ready)
}
