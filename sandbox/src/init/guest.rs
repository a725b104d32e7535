//! The guest: builds a sandbox around itself, in an order that matters, and becomes the program.
//!
//! 1. Control groups. Namespaces, and everything that needs the host's root: file systems, views of host devices.
//! 2. The root changes, and the host's root is gone. From here on no path can leave the sandbox.
//! 3. `/dev`, `/proc`, `/sys` and masks; then the mounts of the plan, by descriptor.
//! 4. Working directory and streams.
//! 5. Rights and the program: see `last_steps`.

use std::convert::Infallible;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{chdir, fchdir, pivot_root, umask};

use super::host_services::HostServices;
use super::mount_points::{Kind, Root};
use super::report::Report;
use super::requested_mounts::Mounter;
use super::system_mounts::SystemMounts;
use super::{last_steps, namespaces, streams};
use crate::channel::Channel;
use crate::error::{mount, os};
use crate::message::FromGuest;
use crate::plan::{Fds, Plan};
use crate::{SandboxError, mount_api, sys};

/// Becomes the program of `plan`, or sends the error to the caller. Never returns.
///
/// `supervisor` is the channel on which services of the host are requested.
pub(super) fn run(plan: &Plan, fds: Fds, report: &Report, supervisor: Channel) -> ! {
    let Err(error) = (Guest { plan, fds, report }).become_program(supervisor);
    // A caller that is gone needs no answer.
    let _ = report.send(&FromGuest::Failed(error));
    sys::exit_now(127)
}

struct Guest<'a> {
    plan: &'a Plan,
    fds: Fds,
    report: &'a Report,
}

impl Guest<'_> {
    fn become_program(mut self, supervisor: Channel) -> Result<Infallible, SandboxError> {
        umask(Mode::empty());
        self.enter_cgroups()?;
        let mut services = HostServices::default();
        namespaces::enter(self.plan, &mut self.fds, &mut services)?;
        let system_mounts = SystemMounts::create(self.plan)?;
        let root = self.enter_root()?;
        let attached = system_mounts.attach(&root, self.plan.insecure)?;
        Mounter::new(self.plan, &root, &attached, self.report)?.mount_all(&mut self.fds, &mut services)?;
        services.request(supervisor)?;
        let cwd = self.working_directory(&root)?;
        if self.plan.read_only_root {
            sys::mount_setattr(root.as_fd(), sys::READ_ONLY, false).map_err(mount("/"))?;
        }
        streams::set(&self.plan.process, &mut self.fds, self.report, &attached)?;
        last_steps::enter_directory(&cwd)?;
        drop((root, attached));
        let Self { plan, fds, report } = self;
        drop(fds);
        last_steps::execute(&plan.process, report)
    }

    /// Enters the control groups first, so that all that follows counts there and the cgroup namespace begins there.
    fn enter_cgroups(&mut self) -> Result<(), SandboxError> {
        last_steps::enter_cgroups(&self.plan.cgroups, &mut self.fds)
    }

    /// Makes the root file system the root of this mount namespace, and detaches the host's.
    fn enter_root(&mut self) -> Result<Root, SandboxError> {
        let fd = self.fds.take(self.plan.root)?;
        if !self.plan.insecure {
            sys::mount_setattr(fd.as_fd(), sys::NO_DEVICES, false).map_err(mount("/"))?;
        }
        let host = openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(mount("/"))?;
        mount_api::attach(&fd, host).map_err(mount("/"))?;
        fchdir(&fd).map_err(os("enter the root file system"))?;
        // With the same directory as both arguments, the old root is mounted on top of the new one, and then unmounted.
        pivot_root(".", ".").map_err(os("change the root"))?;
        unmount(".", UnmountFlags::DETACH).map_err(os("leave the old root"))?;
        chdir("/").map_err(os("enter the root file system"))?;
        Root::new(fd).map_err(mount("/"))
    }

    fn working_directory(&self, root: &Root) -> Result<OwnedFd, SandboxError> {
        let process = &self.plan.process;
        let owner = (process.uid, process.gid);
        let found = root.find_or_create(&process.cwd, Kind::Directory, Some(owner));
        Ok(found.map_err(os("enter the working directory"))?.fd)
    }
}
