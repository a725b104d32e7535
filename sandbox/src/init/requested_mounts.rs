//! Mounts on the root file system besides `/proc`, `/sys` and `/dev`: the files in `/etc`, and the mounts of the plan.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, fstat};

use super::host_services::HostServices;
use super::mount_points::{Kind, Root};
use super::report::Report;
use super::scratch::Scratch;
use super::system_mounts::Attached;
use super::{dev, kernel_parameters, masked_paths};
use crate::error::{mount, os};
use crate::message::FromGuest;
use crate::mount_api::{self, NO_DEV, NO_SUID};
use crate::plan::{Fds, Plan, PlannedDevice, PlannedMount, PlannedSource, Rights};
use crate::{SandboxError, sys};

/// Mounts everything that a plan asks for.
pub(super) struct Mounter<'a> {
    plan: &'a Plan,
    root: &'a Root,
    attached: &'a Attached,
    report: &'a Report,
    scratch: Scratch,
}

impl<'a> Mounter<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        root: &'a Root,
        attached: &'a Attached,
        report: &'a Report,
    ) -> Result<Self, SandboxError> {
        Ok(Self { plan, root, attached, report, scratch: scratch(attached)? })
    }

    /// Masks `/proc` and `/sys`, then mounts the files in `/etc`, then the mounts of the plan in their order.
    pub(super) fn mount_all(
        mut self,
        fds: &mut Fds,
        services: &mut HostServices,
    ) -> Result<(), SandboxError> {
        kernel_parameters::set(&self.attached.proc, &self.plan.boundary)?;
        if !self.plan.insecure && !self.plan.boundary.shows_system_paths {
            masked_paths::apply(self.attached, &self.scratch)?;
        }
        self.mount_etc()?;
        for planned in &self.plan.mounts {
            self.mount(planned, fds, services)?;
        }
        self.scratch.detach().map_err(os("hide the scratch file system"))
    }

    fn mount_etc(&mut self) -> Result<(), SandboxError> {
        let rights = Rights { mode: 0o644, uid: 0, gid: 0 };
        for (target, text) in [("/etc/hosts", &self.plan.hosts), ("/etc/resolv.conf", &self.plan.resolv)] {
            let file = self.scratch.file(text.as_bytes(), rights).map_err(mount(target))?;
            self.attach(Path::new(target), &file, Kind::File, self.plan.read_only_etc)?;
        }
        Ok(())
    }

    fn mount(
        &mut self,
        planned: &PlannedMount,
        fds: &mut Fds,
        services: &mut HostServices,
    ) -> Result<(), SandboxError> {
        let PlannedMount { target, source, read_only } = planned;
        let (fs, kind) = match source {
            PlannedSource::Device(device) => return self.mount_device(target, device, fds),
            PlannedSource::Detached(fd) => {
                let fd = fds.take(*fd)?;
                let kind = kind_of(&fd).map_err(mount(target))?;
                (fd, kind)
            }
            PlannedSource::Tmpfs { size_bytes, mode } => {
                (tmpfs(*size_bytes, *mode).map_err(mount(target))?, Kind::Directory)
            }
            PlannedSource::Secret(bytes, rights) => {
                (self.scratch.file(&bytes.0, *rights).map_err(mount(target))?, Kind::File)
            }
            PlannedSource::Socket(path, rights) => {
                let (fs, listener) = self.scratch.socket(*rights).map_err(mount(target))?;
                services.forward_socket(path.clone(), listener.into());
                (fs, Kind::File)
            }
        };
        self.attach(target, &fs, kind, *read_only)
    }

    /// Mounts a device node with the attributes that the node has: unlike all other mounts it is not `nodev`.
    fn mount_device(
        &mut self,
        target: &Path,
        device: &PlannedDevice,
        fds: &mut Fds,
    ) -> Result<(), SandboxError> {
        let node = device.node.map(|node| fds.take(node)).transpose()?;
        let node = dev::device(device, node, &mut self.scratch).map_err(mount(target))?;
        self.attach_as_is(target, &node, Kind::File)
    }

    /// Attaches `fs` at `target`: `nodev` unless the sandbox is insecure, and read-only if asked for.
    fn attach(&self, target: &Path, fs: &OwnedFd, kind: Kind, read_only: bool) -> Result<(), SandboxError> {
        let read_only = if read_only { sys::READ_ONLY } else { 0 };
        let no_devices = if self.plan.insecure { 0 } else { sys::NO_DEVICES };
        sys::mount_setattr(fs.as_fd(), read_only | no_devices, true).map_err(mount(target))?;
        self.attach_as_is(target, fs, kind)
    }

    /// Attaches `fs` at `target` and reports the mount points that had to be created for it.
    fn attach_as_is(&self, target: &Path, fs: &OwnedFd, kind: Kind) -> Result<(), SandboxError> {
        let found = self.root.find_or_create(target, kind, None).map_err(mount(target))?;
        for created in found.created {
            self.report.send(&FromGuest::MountPoint(created))?;
        }
        mount_api::attach(fs, found.fd).map_err(mount(target))
    }
}

fn scratch(attached: &Attached) -> Result<Scratch, SandboxError> {
    let copy = |fd: &OwnedFd| rustix::io::fcntl_dupfd_cloexec(fd, 3).map_err(os("duplicate a descriptor"));
    Scratch::attach(copy(&attached.scratch)?, copy(&attached.dev)?).map_err(mount("/dev"))
}

fn kind_of(fd: &OwnedFd) -> io::Result<Kind> {
    let is_directory = FileType::from_raw_mode(fstat(fd)?.st_mode) == FileType::Directory;
    Ok(if is_directory { Kind::Directory } else { Kind::File })
}

fn tmpfs(size_bytes: Option<u64>, mode: u32) -> io::Result<OwnedFd> {
    let mode = format!("{mode:o}");
    let size = size_bytes.map(|size| size.to_string());
    let mut options = vec![("mode", mode.as_str())];
    options.extend(size.as_deref().map(|size| ("size", size)));
    mount_api::create("tmpfs", &options, NO_SUID | NO_DEV)
}
