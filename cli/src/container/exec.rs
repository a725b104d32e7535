//! Flags of the commands that join a container: `exec`, `attach`.

use std::path::PathBuf;

use clap::Args;

use crate::values::switch;

/// Arguments of `dsbuild exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Return at once, and leave the process running
    #[arg(short, long)]
    pub detach: bool,
    /// Keys that detach from the process, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    pub detach_keys: Option<String>,
    /// Set an environment variable; without a value it is taken from the environment
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// Set the environment variables that a file lists
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// Pass stdin to the process
    #[arg(short, long)]
    pub interactive: bool,
    /// Give the process all capabilities
    #[arg(long)]
    pub privileged: bool,
    /// Give the process a terminal
    #[arg(short, long)]
    pub tty: bool,
    /// User and group of the process [default: those of the container]
    #[arg(short, long, value_name = "USER[:GROUP]")]
    pub user: Option<String>,
    /// Working directory of the process [default: that of the container]
    #[arg(short, long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Container, by name or ID
    pub container: String,
    /// Program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Arguments of `dsbuild attach`.
#[derive(Debug, Args)]
pub struct AttachArgs {
    /// Keys that detach from the container, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    pub detach_keys: Option<String>,
    /// Do not pass stdin to the process
    #[arg(long)]
    pub no_stdin: bool,
    /// Pass signals on to the process
    #[arg(long, value_name = "BOOL", value_parser = switch, default_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub sig_proxy: bool,
    /// Container, by name or ID
    pub container: String,
}
