//! Mounts of a container, and the files that its variables come from.

use serde::{Deserialize, Serialize};

use super::values::{self, Bytes, FileMode, Pairs};
use super::{is_default, keys};

keys! {
    /// Item of the key `volumes` of a service.
    pub struct Mount {
        /// `bind`, `volume`, `tmpfs`, `image`, `cluster` or `npipe`.
        #[serde(rename = "type")]
        pub kind: String,
        /// Path of the machine, key of a volume, or image; empty for an anonymous volume.
        pub source: String,
        /// Path in the container.
        pub target: String,
        /// Whether the container can only read it.
        #[serde(deserialize_with = "values::flag")]
        pub read_only: bool,
        /// Consistency that Docker Desktop should keep.
        pub consistency: String,
        /// Options of a bind mount.
        pub bind: Option<Bind>,
        /// Options of a volume.
        pub volume: Option<VolumeMount>,
        /// Options of a file system in memory.
        pub tmpfs: Option<TmpfsMount>,
        /// Options of a mounted image.
        pub image: Option<ImageMount>,
    }
}

/// Options of a bind mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bind {
    /// Label for SELinux: `z` (shared) or `Z` (private).
    #[serde(skip_serializing_if = "is_default")]
    pub selinux: String,
    /// Propagation of mounts, such as `rslave`.
    #[serde(skip_serializing_if = "is_default")]
    pub propagation: String,
    /// Whether a missing directory of the machine is created.
    #[serde(deserialize_with = "values::flag", skip_serializing_if = "is_true")]
    pub create_host_path: bool,
    /// Whether mounts below are shown: `enabled`, `disabled`, `writable` or `readonly`.
    #[serde(skip_serializing_if = "is_default")]
    pub recursive: String,
}

impl Default for Bind {
    fn default() -> Self {
        Self {
            selinux: String::new(),
            propagation: String::new(),
            create_host_path: true,
            recursive: String::new(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

keys! {
    /// Options of a volume that is mounted.
    pub struct VolumeMount {
        /// Labels of a new volume.
        pub labels: Pairs,
        /// Whether a new volume stays empty.
        #[serde(deserialize_with = "values::flag")]
        pub nocopy: bool,
        /// Path in the volume that is mounted in its place.
        pub subpath: String,
    }
}

keys! {
    /// Options of a file system in memory.
    pub struct TmpfsMount {
        /// Largest size in bytes.
        pub size: Bytes,
        /// Mode of its root directory.
        #[serde(deserialize_with = "values::integer")]
        pub mode: i64,
    }
}

keys! {
    /// Options of an image that is mounted.
    pub struct ImageMount {
        /// Path in the image that is mounted in its place.
        pub subpath: String,
    }
}

keys! {
    /// Config or secret that appears as a file.
    pub struct FileMount {
        /// Key of the config or secret.
        pub source: String,
        /// Path in the container.
        pub target: String,
        /// User that owns the file.
        pub uid: String,
        /// Group of the file.
        pub gid: String,
        /// Mode of the file.
        pub mode: Option<FileMode>,
    }
}

keys! {
    /// Device of the machine that the container can use.
    pub struct Device {
        /// Path on the machine.
        pub source: String,
        /// Path in the container.
        pub target: String,
        /// Rights of the container: `r`, `w` and `m`.
        pub permissions: String,
    }
}

keys! {
    /// File that variables of a container are read from.
    pub struct EnvFile {
        /// Absolute path of the file.
        pub path: String,
        /// Whether it is an error if the file is missing.
        #[serde(deserialize_with = "values::flag")]
        pub required: bool,
        /// Format of the file; only the default, an empty name, is known.
        pub format: String,
    }
}
