//! Flags of `dsbuild run`, `ps`, `logs`, `stop` and `rm`, which are those of docker.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::inspect::InspectOneKindArgs;
use super::list::ListArgs;

/// Commands of `dsbuild container`.
#[derive(Debug, Subcommand)]
pub enum ContainerCommand {
    /// Print everything that is known about containers
    Inspect(InspectOneKindArgs),
    /// Print the output of a container
    Logs(LogsArgs),
    /// List containers that are running
    #[command(visible_aliases = ["list", "ps"])]
    Ls(LsArgs),
    /// Show on which addresses of this machine the ports of a container are published
    Port(PortArgs),
    /// Remove all containers that have ended
    Prune(PruneContainersArgs),
    /// Remove containers that have ended
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Run an image in a container
    #[command(args_override_self = true)]
    Run(Box<RunArgs>),
    /// Stop containers that are running
    Stop(StopArgs),
}

/// Arguments of `dsbuild run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Remove the container when its process ends
    #[arg(long)]
    pub rm: bool,
    /// Pass stdin to the process
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the process a terminal
    #[arg(short, long)]
    pub tty: bool,
    /// Run in the background and print the ID of the container
    #[arg(short, long)]
    pub detach: bool,
    /// Name of the container [default: the beginning of its ID]
    #[arg(long)]
    pub name: Option<String>,
    /// Set an environment variable; without a value it is taken from the environment
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// Set the environment variables that a file lists
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// Mount a directory or file of this machine, or a named volume, in the container
    #[arg(short, long = "volume", value_name = "HOST:CONTAINER[:ro]")]
    pub volumes: Vec<String>,
    /// Publish a port of the container on all addresses of this machine, or on one (127.0.0.1: for this machine alone);
    /// without HOST, on a free port that `dsbuild port` shows
    #[arg(short, long = "publish", value_name = "[IP:][HOST:]CONTAINER[/udp]")]
    pub publish: Vec<String>,
    /// Working directory of the process [default: that of the image]
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// User and group of the process [default: those of the image]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// Program to run in place of the image's ENTRYPOINT
    #[arg(long)]
    pub entrypoint: Option<String>,
    /// Host name of the container [default: the beginning of its ID]
    #[arg(long)]
    pub hostname: Option<String>,
    /// Network of the container: default, none or host
    #[arg(long, value_name = "MODE", default_value = "default")]
    pub network: String,
    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "BYTES")]
    pub shm_size: Option<String>,
    /// Shared memory and other IPC: private, or host for that of this machine
    #[arg(long, value_name = "MODE", value_parser = ["private", "host"], default_value = "private")]
    pub ipc: String,
    /// Memory that the processes of the container can use together, swap included
    #[arg(short, long, value_name = "BYTES")]
    pub memory: Option<String>,
    /// Number of processes and threads of the container [default: no limit]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub pids_limit: Option<i64>,
    /// Network where no private network is available: error makes the start fail, host allows that of this machine
    #[arg(
        long,
        value_name = "MODE",
        env = "DSBUILD_NETWORK_FALLBACK",
        value_parser = ["error", "host"],
        default_value = "error",
        hide_env_values = true
    )]
    pub network_fallback: String,
    /// Image to run, by name or ID
    pub image: String,
    /// Command to run in place of the image's CMD
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Arguments of `dsbuild ps`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Also list containers that have ended
    #[arg(short, long)]
    pub all: bool,
    /// List only containers that match: ancestor, exited, id, label, name, publish, status
    #[arg(short, long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// List the N newest containers, whether or not they run
    #[arg(short = 'n', long, value_name = "N")]
    pub last: Option<usize>,
    /// List the newest container, whether or not it runs
    #[arg(short, long)]
    pub latest: bool,
    /// Form of the list.
    #[command(flatten)]
    pub list: ListArgs,
}

/// Arguments of `dsbuild logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Print new output as it comes, until the container ends
    #[arg(short, long)]
    pub follow: bool,
    /// Print only the last lines
    #[arg(short = 'n', long, value_name = "N")]
    pub tail: Option<usize>,
    /// Container, by name or ID
    pub container: String,
}

/// Arguments of `dsbuild port`.
#[derive(Debug, Args)]
pub struct PortArgs {
    /// Container, by name or ID
    pub container: String,
    /// Port in the container [default: all published ports]
    #[arg(value_name = "PORT[/udp]")]
    pub port: Option<String>,
}

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
