//! `/proc`, `/sys`, `/dev` and what is mounted below them.
//!
//! All are made while the host's root is still ours: a new procfs or sysfs is given to a user namespace only while a
//! full one is in sight, and host devices can be reached only there. They are attached when the root has changed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::dev;
use super::mount_points::Root;
use crate::error::{mount, os};
use crate::mount_api::{self, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY};
use crate::plan::{Plan, PlannedNetwork};
use crate::{SandboxError, sys};

/// File systems that are attached nowhere yet.
pub(super) struct Special {
    proc: OwnedFd,
    sys: OwnedFd,
    dev: OwnedFd,
    pts: OwnedFd,
    shm: OwnedFd,
    /// `None` in a kernel without POSIX message queues.
    mqueue: Option<OwnedFd>,
    /// `None` where the host has no unified hierarchy at `/sys/fs/cgroup`.
    cgroup: Option<OwnedFd>,
    scratch: OwnedFd,
    nodes: dev::Nodes,
}

/// Those that are still needed by descriptor after they were attached.
pub(super) struct Attached {
    pub(super) proc: OwnedFd,
    pub(super) sys: OwnedFd,
    pub(super) dev: OwnedFd,
    pub(super) pts: OwnedFd,
    pub(super) scratch: OwnedFd,
}

impl Special {
    pub(super) fn create(plan: &Plan) -> Result<Self, SandboxError> {
        let shm_size = plan.shm_size_bytes.to_string();
        let private = NO_SUID | NO_EXEC | NO_DEV;
        Ok(Self {
            proc: mount_api::create("proc", &[], private).map_err(no_proc)?,
            sys: sysfs(plan).map_err(mount("/sys"))?,
            dev: mount_api::create("tmpfs", &[("size", "64m"), ("mode", "755")], NO_SUID)
                .map_err(mount("/dev"))?,
            pts: devpts().map_err(mount("/dev/pts"))?,
            shm: mount_api::create("tmpfs", &[("size", &shm_size), ("mode", "1777")], private)
                .map_err(mount("/dev/shm"))?,
            mqueue: mount_api::create("mqueue", &[], private).ok(),
            cgroup: cgroup(plan).map_err(mount("/sys/fs/cgroup"))?,
            scratch: mount_api::create("tmpfs", &[("mode", "700")], private).map_err(os("mount a tmpfs"))?,
            nodes: dev::Nodes::of_host(plan.insecure).map_err(mount("/dev"))?,
        })
    }

    /// Attaches all to `root`. What is made in `/dev` from then on opens no device, unless the sandbox is `insecure`.
    pub(super) fn attach(self, root: &Root, insecure: bool) -> Result<Attached, SandboxError> {
        let put =
            |fs: &OwnedFd, name| root.system_directory(name).and_then(|place| mount_api::attach(fs, place));
        put(&self.dev, "dev").map_err(mount("/dev"))?;
        put(&self.proc, "proc").map_err(mount("/proc"))?;
        put(&self.sys, "sys").map_err(mount("/sys"))?;
        if let Some(cgroup) = &self.cgroup {
            attach_below(&self.sys, "fs/cgroup", cgroup).map_err(mount("/sys/fs/cgroup"))?;
        }
        dev::populate(&self.dev, &self.nodes).map_err(mount("/dev"))?;
        let below = [("pts", Some(&self.pts)), ("shm", Some(&self.shm)), ("mqueue", self.mqueue.as_ref())];
        for (name, fs) in below.into_iter().filter_map(|(name, fs)| Some((name, fs?))) {
            attach_below(&self.dev, name, fs).map_err(mount(format!("/dev/{name}")))?;
        }
        if !insecure {
            sys::mount_setattr(self.dev.as_fd(), sys::NO_DEVICES, false).map_err(mount("/dev"))?;
        }
        let Self { proc, sys, dev, pts, scratch, .. } = self;
        Ok(Attached { proc, sys, dev, pts, scratch })
    }
}

/// On a file system of the kernel's or ours, where paths can be trusted.
fn attach_below(on: &OwnedFd, path: &str, fs: &OwnedFd) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    mount_api::attach(fs, openat(on, path, flags, Mode::empty())?)
}

/// In a container whose own `/proc` is masked a user namespace gets no new one.
fn no_proc(error: io::Error) -> SandboxError {
    match error.raw_os_error() {
        Some(libc::EPERM) => SandboxError::Unavailable {
            what: "the kernel gives no new /proc here".into(),
            hint: "parts of this container's /proc are masked; docker: --security-opt systempaths=unconfined"
                .into(),
        },
        _ => mount("/proc")(error),
    }
}

/// A new sysfs shows the devices of our network namespace, and needs rights over it; else the host's is shown.
fn sysfs(plan: &Plan) -> io::Result<OwnedFd> {
    let access = if plan.insecure { NO_SUID } else { READ_ONLY | NO_SUID };
    match mount_api::create("sysfs", &[], access | NO_EXEC | NO_DEV) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) && plan.network == PlannedNetwork::Host => {
            let clone = mount_api::clone_path("/sys", true)?;
            let read_only = if plan.insecure { 0 } else { sys::READ_ONLY };
            sys::mount_setattr(
                clone.as_fd(),
                read_only | sys::NO_SUID | sys::NO_EXEC | sys::NO_DEVICES,
                true,
            )?;
            Ok(clone)
        }
        result => result,
    }
}

/// `gid=5` is `tty` everywhere; a user namespace may not have it.
fn devpts() -> io::Result<OwnedFd> {
    let options = [("ptmxmode", "0666"), ("mode", "0620"), ("gid", "5")];
    mount_api::create("devpts", &options, NO_SUID | NO_EXEC)
        .or_else(|_| mount_api::create("devpts", &options[..2], NO_SUID | NO_EXEC))
}

/// The part of the unified hierarchy that is ours, for programs that ask for their limits.
fn cgroup(plan: &Plan) -> io::Result<Option<OwnedFd>> {
    const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;
    let unified = match rustix::fs::statfs("/sys/fs/cgroup") {
        Ok(found) => u64::try_from(found.f_type) == Ok(CGROUP2_SUPER_MAGIC),
        Err(Errno::NOENT) => false,
        Err(error) => return Err(error.into()),
    };
    if !unified {
        return Ok(None);
    }
    let access = if plan.insecure { NO_SUID } else { READ_ONLY | NO_SUID };
    // Without rights over the cgroup namespace there is none, as with the older hierarchies.
    Ok(mount_api::create("cgroup2", &[], access | NO_EXEC | NO_DEV).ok())
}
