//! The last steps of every process of a sandbox before its program: control groups, working directory, rights.
//!
//! Landlock, a user namespace where the only ID is shown as another user, and the seccomp filter come before
//! capabilities, groups and user, because they need a capability: `no_new_privs` stays off, so that set-user-ID programs
//! work.

use std::convert::Infallible;
use std::os::fd::OwnedFd;

use rustix::fs::Mode;
use rustix::io::retry_on_intr;
use rustix::process::{fchdir, getcwd, umask};

use super::report::Report;
use super::{program, reaper, rights};
use crate::error::os;
use crate::message::FromGuest;
use crate::plan::{FdIndex, Fds, PlannedProcess};
use crate::{SandboxError, landlock, sys};

/// Enters control groups through their files.
pub(super) fn enter_cgroups(entrances: &[FdIndex], fds: &mut Fds) -> Result<(), SandboxError> {
    for entrance in entrances {
        let entrance = fds.take(*entrance)?;
        // 0 stands for the process that writes.
        retry_on_intr(|| rustix::io::write(&entrance, b"0")).map_err(os("enter a control group"))?;
    }
    Ok(())
}

/// Enters `cwd` and makes sure that it is inside of the root (CVE-2024-21626).
pub(super) fn enter_directory(cwd: &OwnedFd) -> Result<(), SandboxError> {
    fchdir(cwd).map_err(os("enter the working directory"))?;
    let path = getcwd(Vec::new()).map_err(os("enter the working directory"))?;
    if path.to_bytes().starts_with(b"/") {
        return Ok(());
    }
    Err(os("enter the working directory: it is outside of the root file system")(rustix::io::Errno::XDEV))
}

/// Gives up all rights that the program must not have, and executes it.
pub(super) fn execute(process: &PlannedProcess, report: &Report) -> Result<Infallible, SandboxError> {
    let program = program::Program::new(&process.args, &process.env)?;
    rights::limit(&process.rlimits)?;
    sys::close_on_exec_from(3).map_err(os("close descriptors"))?;
    umask(Mode::from_raw_mode(0o022));
    if process.scope_abstract_sockets {
        landlock::scope_abstract_sockets().map_err(os("scope abstract sockets"))?;
    }
    if let Some(user) = process.shown_as {
        rights::show_as(user)?;
    }
    if !process.filter.0.is_empty() {
        sys::install_filter(&process.filter.0).map_err(os("install the seccomp filter"))?;
    }
    rights::drop_to_user(process)?;
    if process.no_new_privileges {
        rustix::thread::set_no_new_privs(true).map_err(os("give up new privileges"))?;
    }
    if process.has_init {
        reaper::become_init_of_child()?;
    }
    report.send(&FromGuest::Ready)?;
    program.execute()
}
