//! `dsbuild run`, `ps`, `logs`, `stop`, `rm`: docker's flags.

use std::path::PathBuf;

use clap::Args;

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Remove the container when it has ended
    #[arg(long)]
    pub rm: bool,
    /// Keep stdin open
    #[arg(short, long)]
    pub interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    pub tty: bool,
    /// Run in the background and print the container's id
    #[arg(short, long)]
    pub detach: bool,
    /// Its name
    #[arg(long)]
    pub name: Option<String>,
    /// Set a variable; without a value it is taken from the environment
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// Set the variables that a file lists
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// Show a folder or file of this machine in the container
    #[arg(short, long = "volume", value_name = "HOST:CONTAINER[:ro]")]
    pub volumes: Vec<String>,
    /// Make a port of the container reachable on this machine, from all its networks unless an IP is given (127.0.0.1:
    /// from this machine alone); without HOST, on a free port that `dsbuild port` shows
    #[arg(short, long = "publish", value_name = "[IP:][HOST:]CONTAINER[/udp]")]
    pub publish: Vec<String>,
    /// Where the process starts
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Who it runs as
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// The program to run in place of the image's
    #[arg(long)]
    pub entrypoint: Option<String>,
    /// Its host name
    #[arg(long)]
    pub hostname: Option<String>,
    /// Its network: default, none or host
    #[arg(long, value_name = "MODE", default_value = "default")]
    pub network: String,
    /// Its network where a private one is unavailable: error, it does not start; host, this machine's network
    #[arg(long, value_name = "MODE", env = "DSBUILD_NETWORK_FALLBACK", value_parser = ["error", "host"], default_value = "error")]
    pub network_fallback: String,
    /// The image
    pub image: String,
    /// What to run in it, in place of the image's CMD
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// `ps`.
#[derive(Debug, Args)]
pub struct PsArgs {
    /// Those that have ended, too
    #[arg(short, long)]
    pub all: bool,
    /// Only ids
    #[arg(short, long)]
    pub quiet: bool,
}

/// `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Wait for more
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last lines
    #[arg(short = 'n', long, value_name = "N")]
    pub tail: Option<usize>,
    /// Name or id
    pub container: String,
}

/// `port`.
#[derive(Debug, Args)]
pub struct PortArgs {
    /// Name or id of the container
    pub container: String,
    /// Port in the container [default: all that are published]
    #[arg(value_name = "PORT[/udp]")]
    pub port: Option<String>,
}

/// `stop`.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Seconds until it is killed
    #[arg(short = 't', long = "time", value_name = "SECONDS", default_value_t = 10)]
    pub time_s: u64,
    /// Names or ids
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// `rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Kill those that run
    #[arg(short, long)]
    pub force: bool,
    /// Names or ids
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// `__monitor`.
#[derive(Debug, Args)]
pub struct MonitorArgs {
    /// The container's id
    pub id: String,
}
