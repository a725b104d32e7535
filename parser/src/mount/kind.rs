//! Types of mounts, and how steps share a cache mount.

/// Type of a mount: the source of its content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MountType {
    /// Files of the build context, of a stage or of an image.
    #[default]
    Bind,
    /// A directory that persists between builds.
    Cache,
    /// An empty file system in memory.
    Tmpfs,
    /// A secret, as a file or as an environment variable.
    Secret,
    /// The socket of an SSH agent.
    Ssh,
}

/// The values of `type`.
pub(super) const TYPES: [(&str, MountType); 5] = [
    ("bind", MountType::Bind),
    ("cache", MountType::Cache),
    ("tmpfs", MountType::Tmpfs),
    ("secret", MountType::Secret),
    ("ssh", MountType::Ssh),
];

impl MountType {
    /// Returns the name that `type` has for this type of mount, as in `cache`.
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self).map_or("bind", |(name, _)| name)
    }
}

/// Treatment of steps that use the same cache mount at the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sharing {
    /// All steps use the same directory.
    #[default]
    Shared,
    /// Each step uses a directory of its own.
    Private,
    /// One step uses the directory while the others wait.
    Locked,
}

/// The values of `sharing`.
pub(super) const SHARINGS: [(&str, Sharing); 3] =
    [("shared", Sharing::Shared), ("private", Sharing::Private), ("locked", Sharing::Locked)];
