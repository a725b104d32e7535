//! Flags of `dsbuild create`, which are also those of `run`: one file for each group of flags.

use std::path::PathBuf;

use clap::Args;

use super::isolation::IsolationArgs;
use super::lifetime::LifetimeArgs;
use super::mounts::MountArgs;
use super::network::NetworkArgs;
use super::process::ProcessArgs;
use super::resources::ResourceArgs;
use super::unsupported::UnsupportedArgs;

/// Arguments of `dsbuild create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name of the container [default: a made-up name]
    #[arg(long)]
    pub name: Option<String>,
    /// Label of the container
    #[arg(short, long = "label", value_name = "KEY[=VALUE]")]
    pub labels: Vec<String>,
    /// Labels of the container that a file lists
    #[arg(long = "label-file", value_name = "FILE")]
    pub label_files: Vec<PathBuf>,
    /// Begin, end and health.
    #[command(flatten)]
    pub lifetime: LifetimeArgs,
    /// The process and its streams.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Networks, names and ports.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Directories, volumes and file systems in memory.
    #[command(flatten)]
    pub mounts: MountArgs,
    /// Parts of this machine that the container shares.
    #[command(flatten)]
    pub isolation: IsolationArgs,
    /// Limits on memory and processes.
    #[command(flatten)]
    pub resources: ResourceArgs,
    /// Flags that cannot be honoured.
    #[command(flatten)]
    pub unsupported: UnsupportedArgs,
    /// Image to run, by name or ID
    pub image: String,
    /// Print the help of this command
    #[arg(long, action = clap::ArgAction::Help)]
    pub help: Option<bool>,
    /// Command to run in place of the image's CMD
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}
