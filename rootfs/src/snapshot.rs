//! A root file system that processes may change.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use oci::DiffId;

use crate::RootfsError;

/// A mount point that a sandbox had to make for itself, and that must not stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    /// Relative to the root.
    pub path: PathBuf,
    /// Directory or empty file.
    pub is_dir: bool,
}

/// A writable layer on top of others; discarded when dropped.
pub struct Snapshot {}

impl Snapshot {
    /// Mounts it with the new mount API; the mount is attached nowhere (`fsmount`), and goes when the descriptor does.
    pub fn mount(&self) -> Result<OwnedFd, RootfsError> {
        unimplemented!()
    }

    /// Makes the changes a layer: `stubs` that are still empty are removed first and their parents get their times
    /// back. No mount of it may be in use.
    pub fn commit(self, _stubs: &[Stub]) -> Result<DiffId, RootfsError> {
        unimplemented!()
    }
}
