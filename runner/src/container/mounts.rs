//! The part of a container's document about mounts: directories of this machine, volumes of the store, tmpfs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A directory or file of this machine, or a volume of the store, mounted into a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Absolute path on this machine.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: String,
    /// Whether the container can only read it.
    pub read_only: bool,
    /// Whether it is a volume of the store, which an image can fill.
    #[serde(default)]
    pub is_named: bool,
    /// Whether it is a volume without a name of the user's, which goes with its container (`run --rm`, `rm --volumes`).
    #[serde(default)]
    pub is_anonymous: bool,
    /// Further options of the mount.
    #[serde(default)]
    pub options: VolumeOptions,
}

/// Options of a mount that few users set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeOptions {
    /// `nocopy`: whether an empty volume stays empty in place of getting the image's files.
    pub no_copy: bool,
    /// Path below `source` that is mounted in its place.
    pub subpath: Option<String>,
    /// Spreading of mounts between this machine and the container: `rprivate`, docker's default, if absent.
    pub propagation: Option<String>,
    /// `bind-nonrecursive`: whether mounts below the directory are left out.
    pub is_alone: bool,
    /// `:U`: whether everything in it is given to the user of the container.
    pub takes_owner: bool,
}

/// A file system in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TmpfsMount {
    /// Absolute path in the container.
    pub target: String,
    /// Options of tmpfs(5) with their values: `size`, `mode`.
    pub options: Vec<(String, String)>,
    /// Whether the container can only read it.
    pub read_only: bool,
    /// Whether set-user-ID programs have an effect there.
    pub allows_suid: bool,
    /// Whether programs there can be executed.
    pub allows_exec: bool,
}
