//! A mount that is attached to a directory for a moment.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, UnmountFlags, move_mount};

use crate::RootfsError;
use crate::error::failed;
use trees::clone_mount::clone_in_root;
use trees::safe_path::open_store_dir;

/// Mount that is attached to a directory, and detached when dropped.
#[derive(Debug)]
pub(crate) struct Attached {
    at: PathBuf,
}

impl Attached {
    /// Attaches a detached mount to the directory `at`.
    pub(crate) fn new(mount: &OwnedFd, at: &Path) -> Result<Self, RootfsError> {
        move_mount(mount, "", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(failed("attach an overlay at", at))?;
        Ok(Self::already_at(at.to_owned()))
    }

    /// Takes over the mount that is attached to `at`.
    pub(crate) fn already_at(at: PathBuf) -> Self {
        Self { at }
    }

    /// Returns the directory that the mount is attached to.
    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    /// Clones the part of the mount at `source`; symlinks in `source` are resolved inside the mount.
    pub(crate) fn clone_tree(&self, source: &Path) -> Result<OwnedFd, RootfsError> {
        Ok(clone_in_root(&open_store_dir(&self.at)?, source)?)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // A mount that cannot be detached ends with the mount namespace of this process; nothing more can be done
        // here.
        let _ = rustix::mount::unmount(&self.at, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW);
    }
}
