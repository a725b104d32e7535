//! Flags of `run` about isolation: what of this machine the container shares, and what its processes may do.

use clap::Args;

/// Isolation of a container from this machine.
#[derive(Debug, Args)]
pub struct IsolationArgs {
    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "BYTES")]
    pub shm_size: Option<String>,
    /// Shared memory and other IPC: private, or host for that of this machine
    #[arg(long, value_name = "MODE", value_parser = ["private", "host"], default_value = "private")]
    pub ipc: String,
}
