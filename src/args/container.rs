//! Flags of `dsbuild run`, `ps`, `logs`, `stop` and `rm`, which are those of docker.

use std::path::PathBuf;

use clap::Args;

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
    /// Publish a port of the container on all addresses of this machine, or on one
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
    /// Image to run, by name or ID
    pub image: String,
    /// Command to run in place of the image's CMD
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Arguments of `dsbuild ps`.
#[derive(Debug, Args)]
pub struct PsArgs {
    /// Also list containers that have ended
    #[arg(short, long)]
    pub all: bool,
    /// Print only the IDs of containers
    #[arg(short, long)]
    pub quiet: bool,
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

/// Arguments of the hidden command `dsbuild __monitor`.
#[derive(Debug, Args)]
pub struct MonitorArgs {
    /// ID of the container
    pub id: String,
}
