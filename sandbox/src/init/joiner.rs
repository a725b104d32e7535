//! A further process in a running sandbox: it joins the namespaces of the first process and becomes a program.
//!
//! The supervisor joins them before it forks, because a pid namespace holds only for children. It keeps nothing of the
//! host but its channel to the caller. The fork lives in the sandbox from its first instruction on. It cannot be traced
//! until it has executed the program (CVE-2016-9962), and all its descriptors are close-on-exec.

use std::convert::Infallible;
use std::os::fd::OwnedFd;

use nix::sched::{CloneFlags, setns};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use super::report::Report;
use super::{last_steps, streams};
use crate::error::os;
use crate::message::FromGuest;
use crate::plan::{Fds, JoinPlan};
use crate::{SandboxError, sys};

/// Joins the sandbox of the process behind `first`, and forks a process that becomes the program of `plan`. Returns the
/// pidfd of that process.
pub(super) fn start(
    plan: &JoinPlan,
    first: OwnedFd,
    fds: Fds,
    report: Report,
) -> Result<OwnedFd, SandboxError> {
    join(plan, &first)?;
    drop(first);
    match sys::fork_with_pidfd().map_err(os("start a process in the sandbox"))? {
        Some(child) => Ok(child),
        None => {
            let Err(error) = become_program(plan, fds, &report);
            // A caller that is gone needs no answer.
            let _ = report.send(&FromGuest::Failed(error));
            sys::exit_now(127)
        }
    }
}

fn join(plan: &JoinPlan, first: &OwnedFd) -> Result<(), SandboxError> {
    let namespaces = CloneFlags::from_bits_retain(plan.namespaces);
    let joined = match setns(first, namespaces | CloneFlags::CLONE_NEWCGROUP) {
        // Some kernels have no cgroup namespaces.
        Err(nix::errno::Errno::EINVAL) => setns(first, namespaces),
        result => result,
    };
    joined.map_err(|error| match error {
        nix::errno::Errno::ESRCH => SandboxError::Ended,
        error => os("enter the namespaces of the sandbox")(error),
    })
}

fn become_program(plan: &JoinPlan, mut fds: Fds, report: &Report) -> Result<Infallible, SandboxError> {
    last_steps::enter_cgroups(&plan.cgroups, &mut fds)?;
    rustix::process::setsid().map_err(os("start a session"))?;
    // Containers refuse a new keyring, and so does a user's quota.
    let _ = sys::new_session_keyring();
    let cwd = working_directory(plan)?;
    streams::set_joined(&plan.process, &mut fds, report)?;
    last_steps::enter_directory(&cwd)?;
    drop((cwd, fds));
    last_steps::execute(&plan.process, report)
}

/// Opens the working directory, which must exist. This process has the root of the sandbox, so that no path leaves it,
/// except through a link in /proc (CVE-2024-21626).
fn working_directory(plan: &JoinPlan) -> Result<OwnedFd, SandboxError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(CWD, &plan.process.cwd, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
        .map_err(os("enter the working directory"))
}
