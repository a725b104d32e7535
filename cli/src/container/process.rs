//! Flags of `run` about the process: streams, environment, directory, user.

use std::path::PathBuf;

use clap::Args;

/// The process of a container.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// Pass stdin to the process
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the process a terminal
    #[arg(short, long)]
    pub tty: bool,
    /// Set an environment variable; without a value it is taken from the environment
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// Set the environment variables that a file lists
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// Working directory of the process [default: that of the image]
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// User and group of the process [default: those of the image]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// Program to run in place of the image's ENTRYPOINT
    #[arg(long)]
    pub entrypoint: Option<String>,
}
