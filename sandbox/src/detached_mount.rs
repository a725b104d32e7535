//! Mounts that are attached nowhere: the form in which a caller hands files and directories to a sandbox.
//!
//! A detached mount is owned by its descriptor. It is in no mount namespace, so that no process can reach it by a
//! path, and the kernel dissolves it when the descriptor is closed before the mount was attached.
//!
//! Source: mount_setattr(2), open_tree(2) and fsmount(2).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use crate::error::os;
use crate::{SandboxError, mount_api, sys};

/// A directory or a single file as a mount of its own, made by `fsmount` or by `open_tree` with `OPEN_TREE_CLONE`.
///
/// The conversion from a descriptor checks nothing. The kernel refuses any other descriptor when the sandbox is built.
#[derive(Debug)]
pub struct DetachedMount(OwnedFd);

impl DetachedMount {
    /// Clones the host's view of `path`: a directory with everything mounted below it, or a file. Symlinks in `path`
    /// are followed. The clone is as writable as the original.
    pub fn of_host_path(path: &Path) -> io::Result<Self> {
        let original = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        mount_api::clone(original, true).map(Self)
    }

    /// Clones the host's view of `path` alone, without what is mounted below it.
    pub fn of_host_path_alone(path: &Path) -> io::Result<Self> {
        let original = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        mount_api::clone(original, false).map(Self)
    }

    /// Makes an empty tmpfs. `options` are those of tmpfs(5) with their values: `size`, `mode`, `uid`, `nr_inodes`.
    pub fn tmpfs(options: &[(&str, &str)]) -> io::Result<Self> {
        mount_api::create("tmpfs", options, mount_api::NO_DEV).map(Self)
    }

    /// Sets how mounts made by others below the original spread to this one and back; below each of its mounts as well if
    /// `is_recursive`.
    pub fn set_propagation(&self, propagation: Propagation, is_recursive: bool) -> Result<(), SandboxError> {
        let flag = match propagation {
            Propagation::Private => libc::MS_PRIVATE,
            Propagation::Slave => libc::MS_SLAVE,
            Propagation::Shared => libc::MS_SHARED,
        };
        sys::set_propagation(self.0.as_fd(), flag, is_recursive).map_err(os("set the propagation of a mount"))
    }

    /// Forbids set-user-ID programs (`no_suid`) or all programs (`no_exec`) on this mount and on every mount below it.
    pub fn restrict(&self, no_suid: bool, no_exec: bool) -> Result<(), SandboxError> {
        let attributes = if no_suid { sys::NO_SUID } else { 0 } | if no_exec { sys::NO_EXEC } else { 0 };
        sys::mount_setattr(self.0.as_fd(), attributes, true).map_err(os("restrict a mount"))
    }
}

/// Way in which mounts and unmounts spread between a mount and its original.
///
/// Source: linux/Documentation/filesystems/sharedsubtree.rst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// In no direction, docker's default.
    Private,
    /// From the original to this mount.
    Slave,
    /// From the original to this mount, and back.
    Shared,
}

impl From<OwnedFd> for DetachedMount {
    fn from(mount: OwnedFd) -> Self {
        Self(mount)
    }
}

impl From<DetachedMount> for OwnedFd {
    fn from(mount: DetachedMount) -> Self {
        mount.0
    }
}
