//! Facts that a sandbox reports to its caller: how it ended, and the mount points it created.

use std::path::PathBuf;

use crate::wire::wire_struct;

/// How the first process of a sandbox ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The process exited with this code, 0 to 255.
    Code(i32),
    /// This signal killed the process, 1 to 64.
    Signal(i32),
}

/// A file or directory that did not exist and was created as a mount point in the root file system.
///
/// It is empty and stays behind when the sandbox is gone. A caller that keeps the root file system removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedMountPoint {
    /// Path relative to the root, without symlinks: `etc/hosts`.
    pub path: PathBuf,
    /// True for an empty directory, false for an empty file.
    pub is_dir: bool,
}

wire_struct!(CreatedMountPoint { path, is_dir });
