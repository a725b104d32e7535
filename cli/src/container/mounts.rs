//! Flags of `run` about mounts: directories of this machine, volumes, file systems in memory.

use clap::Args;

/// Mounts of a container.
#[derive(Debug, Default, Args)]
pub struct MountArgs {
    /// Mount a directory or file of this machine, or a named volume, in the container; without a source, a new volume
    #[arg(short, long = "volume", value_name = "[SOURCE:]CONTAINER[:ro]")]
    pub volumes: Vec<String>,
    /// Mount as type=bind, volume or tmpfs, with source=, target=, readonly and further keys of docker
    #[arg(long = "mount", value_name = "KEY=VALUE,...")]
    pub mounts: Vec<String>,
    /// Mount an empty file system in memory; options such as size=64m, mode=1777, exec
    #[arg(long = "tmpfs", value_name = "DIR[:OPTIONS]")]
    pub tmpfs: Vec<String>,
    /// Mount the volumes of another container
    #[arg(long = "volumes-from", value_name = "CONTAINER[:ro]")]
    pub volumes_from: Vec<String>,
}
