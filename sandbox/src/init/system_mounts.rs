//! `/proc`, `/sys`, `/dev` and the mounts below them.
//!
//! They are created while the host's root is still ours: the kernel grants a user namespace a new procfs or sysfs only
//! while a full one is visible to it, and only there can device nodes of the host be found. They are attached once the
//! root has changed.

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

/// The file systems, attached nowhere yet.
pub(super) struct SystemMounts {
    proc: OwnedFd,
    sys: OwnedFd,
    dev: OwnedFd,
    pts: OwnedFd,
    /// Shared memory; `None` for --ipc=none.
    shm: Option<OwnedFd>,
    /// `None` in a kernel without POSIX message queues.
    mqueue: Option<OwnedFd>,
    /// `None` where the host has no unified hierarchy at `/sys/fs/cgroup`.
    cgroup: Option<OwnedFd>,
    /// The tmpfs for [`super::scratch::Scratch`].
    scratch: OwnedFd,
    nodes: dev::HostNodes,
}

/// The root directories of the file systems that are still needed once they are attached.
pub(super) struct Attached {
    pub(super) proc: OwnedFd,
    pub(super) sys: OwnedFd,
    pub(super) dev: OwnedFd,
    pub(super) pts: OwnedFd,
    pub(super) scratch: OwnedFd,
}

impl SystemMounts {
    pub(super) fn create(plan: &Plan) -> Result<Self, SandboxError> {
        let private = NO_SUID | NO_EXEC | NO_DEV;
        Ok(Self {
            proc: mount_api::create("proc", &[], private).map_err(no_proc)?,
            sys: sysfs(plan).map_err(mount("/sys"))?,
            dev: mount_api::create("tmpfs", &[("size", "64m"), ("mode", "755")], NO_SUID)
                .map_err(mount("/dev"))?,
            pts: devpts().map_err(mount("/dev/pts"))?,
            shm: (!plan.boundary.no_shm).then(|| shm(plan)).transpose().map_err(mount("/dev/shm"))?,
            mqueue: mqueue(plan),
            cgroup: cgroup(plan).map_err(mount("/sys/fs/cgroup"))?,
            scratch: mount_api::create("tmpfs", &[("mode", "700")], private).map_err(os("mount a tmpfs"))?,
            nodes: dev::HostNodes::find(plan.insecure).map_err(mount("/dev"))?,
        })
    }

    /// Attaches the file systems to `root` and fills `/dev`.
    ///
    /// Device nodes that are created in `/dev` later cannot be opened, unless the sandbox is `insecure`.
    pub(super) fn attach(self, root: &Root, insecure: bool) -> Result<Attached, SandboxError> {
        let put = |fs: &OwnedFd, name| {
            root.system_directory(name).and_then(|mount_point| mount_api::attach(fs, mount_point))
        };
        put(&self.dev, "dev").map_err(mount("/dev"))?;
        put(&self.proc, "proc").map_err(mount("/proc"))?;
        put(&self.sys, "sys").map_err(mount("/sys"))?;
        if let Some(cgroup) = &self.cgroup {
            attach_below(&self.sys, "fs/cgroup", cgroup).map_err(mount("/sys/fs/cgroup"))?;
        }
        dev::populate(&self.dev, &self.nodes).map_err(mount("/dev"))?;
        let below = [("pts", Some(&self.pts)), ("shm", self.shm.as_ref()), ("mqueue", self.mqueue.as_ref())];
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

/// Attaches `fs` at `path` on a file system of the kernel's or of ours, where paths can be trusted.
fn attach_below(on: &OwnedFd, path: &str, fs: &OwnedFd) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    mount_api::attach(fs, openat(on, path, flags, Mode::empty())?)
}

/// Explains the kernel's refusal of a new procfs: in a container whose `/proc` is masked, a user namespace gets none.
fn no_proc(error: io::Error) -> SandboxError {
    match error.raw_os_error() {
        Some(libc::EPERM) => SandboxError::Unavailable {
            what: "the kernel does not allow a new /proc here".into(),
            hint: "parts of this container's /proc are masked; docker: --security-opt systempaths=unconfined"
                .into(),
        },
        _ => mount("/proc")(error),
    }
}

/// Creates a sysfs, or clones the host's.
///
/// A new sysfs shows the devices of a network namespace, and needs privileges over that namespace. A sandbox without
/// these privileges is in the host's network, so that the host's sysfs shows the same devices.
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

/// Creates a tmpfs for shared memory, or clones the host's for `--ipc=host`.
fn shm(plan: &Plan) -> io::Result<OwnedFd> {
    if plan.host_ipc {
        let clone = mount_api::clone_path("/dev/shm", false)?;
        sys::mount_setattr(clone.as_fd(), sys::NO_SUID | sys::NO_EXEC | sys::NO_DEVICES, false)?;
        return Ok(clone);
    }
    let size = plan.shm_size_bytes.to_string();
    mount_api::create("tmpfs", &[("size", &size), ("mode", "1777")], NO_SUID | NO_EXEC | NO_DEV)
}

/// Creates the message queues of the IPC namespace, or clones the host's, to which a user namespace has no other access.
fn mqueue(plan: &Plan) -> Option<OwnedFd> {
    let created = mount_api::create("mqueue", &[], NO_SUID | NO_EXEC | NO_DEV);
    if plan.host_ipc {
        created.or_else(|_| mount_api::clone_path("/dev/mqueue", false)).ok()
    } else {
        created.ok()
    }
}

/// Creates a devpts whose terminals belong to the group `tty`, 5 in all distributions, if this user namespace has it.
fn devpts() -> io::Result<OwnedFd> {
    let options = [("ptmxmode", "0666"), ("mode", "0620"), ("gid", "5")];
    mount_api::create("devpts", &options, NO_SUID | NO_EXEC)
        .or_else(|_| mount_api::create("devpts", &options[..2], NO_SUID | NO_EXEC))
}

/// Creates a view of the own part of the unified cgroup hierarchy, where programs look up their limits.
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
    // Without privileges over the cgroup namespace the sandbox has no view, as with the older hierarchies.
    Ok(mount_api::create("cgroup2", &[], access | NO_EXEC | NO_DEV).ok())
}
