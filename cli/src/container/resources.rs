//! Flags of `run` and `update` about limits on resources.

use clap::Args;

/// Limits on all processes of a container together.
#[derive(Debug, Args)]
pub struct ResourceArgs {
    /// Memory that the processes of the container can use together, swap included
    #[arg(short, long, value_name = "BYTES")]
    pub memory: Option<String>,
    /// Number of processes and threads of the container [default: no limit]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub pids_limit: Option<i64>,
}
