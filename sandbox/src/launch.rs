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
//! Concurrency: any thread can spawn and wait. A sandbox does not depend on the thread that started it.

use std::fs::File;
use std::os::fd::AsFd;

use crate::SandboxError;
use crate::cgroup::Cgroup;
use crate::channel::{Channel, Message};
use crate::error::os;
use crate::message::{FromGuest, ToSupervisor};
use crate::prepare::prepare;
use crate::running::{Running, Started};
use crate::spec::Spec;
use crate::supervisor_handle::{SupervisorHandle, died};
use crate::wire::decode;

/// Builds a sandbox and starts its process. Returns when the process has been executed, or has failed to be.
pub fn spawn(spec: Spec) -> Result<Running, SandboxError> {
    let cgroup = Cgroup::new(&spec.limits)?;
    let (plan, fds, output) = prepare(spec, cgroup.entrances()?)?;
    let (supervisor, theirs) = SupervisorHandle::start()?;
    let (report, guests) = Channel::pair().map_err(os("make a channel"))?;
    let mut sent = vec![guests.as_fd()];
    sent.extend(fds.borrowed());
    let delivered = supervisor.send(&ToSupervisor::Run(Box::new(plan)), &sent);
    drop((sent, theirs));
    drop((guests, fds));
    delivered.map_err(os("hand over the plan"))?;
    let guest = supervisor.started()?;
    let mut started = Started { output, ..Started::default() };
    if !follow_setup(&report, &mut started)? {
        return Err(supervisor.reason_for_silence());
    }
    Running::new(supervisor, guest, cgroup, started)
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
