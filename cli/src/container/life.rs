//! Flags of the commands that start, end, name and remove containers.

use clap::Args;

/// Arguments of `dsbuild start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// Print the output of the container until it ends, and exit with its code
    #[arg(short, long)]
    pub attach: bool,
    /// Pass stdin to the process
    #[arg(short, long)]
    pub interactive: bool,
    /// Keys that detach from the container, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    pub detach_keys: Option<String>,
    /// Containers to start, by name or ID
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// Arguments of `dsbuild stop` and `dsbuild restart`.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Signal that asks the process to end [default: that of the container]
    #[arg(short, long, value_name = "SIGNAL")]
    pub signal: Option<String>,
    /// Seconds until a container that does not stop is killed; -1 to wait for ever [default: that of the container, or 10]
    #[arg(
        short = 't',
        long = "time",
        visible_alias = "timeout",
        value_name = "SECONDS",
        allow_hyphen_values = true
    )]
    pub time_s: Option<i64>,
    /// Containers, by name or ID
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// Arguments of `dsbuild kill`.
#[derive(Debug, Args)]
pub struct KillArgs {
    /// Signal to send, by name or number
    #[arg(short, long, value_name = "SIGNAL", default_value = "KILL")]
    pub signal: String,
    /// Containers, by name or ID
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// Arguments of commands that take containers and nothing else: `wait`, `pause`, `unpause`.
#[derive(Debug, Args)]
pub struct ContainersArgs {
    /// Containers, by name or ID
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// Arguments of `dsbuild rename`.
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// Container, by name or ID
    pub container: String,
    /// New name of the container
    pub name: String,
}

/// Arguments of `dsbuild rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Kill containers that are running, and accept containers that do not exist
    #[arg(short, long)]
    pub force: bool,
    /// Remove the anonymous volumes of the containers, too
    #[arg(short, long)]
    pub volumes: bool,
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
