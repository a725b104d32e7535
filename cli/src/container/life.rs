//! Flags of the commands that end and remove containers.

use clap::Args;

/// Arguments of `dsbuild stop`.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Seconds until a container that does not stop is killed
    #[arg(short = 't', long = "time", value_name = "SECONDS", default_value_t = 10)]
    pub time_s: u64,
    /// Containers to stop, by name or ID
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// Arguments of `dsbuild rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Kill containers that are running
    #[arg(short, long)]
    pub force: bool,
    /// Containers to remove, by name or ID
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// Arguments of `dsbuild container prune`.
#[derive(Debug, Args)]
pub struct PruneContainersArgs {
    /// Do not ask before anything is removed
    #[arg(short, long)]
    pub force: bool,
    /// Remove only containers that match: label, until
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
}

/// Arguments of the hidden command `dsbuild __monitor`.
#[derive(Debug, Args)]
pub struct MonitorArgs {
    /// ID of the container
    pub id: String,
}
