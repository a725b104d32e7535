//! Flags of `dsbuild volume`, which are those of docker.

use clap::{Args, Subcommand};

use super::list::ListArgs;

/// Commands of `dsbuild volume`.
#[derive(Debug, Subcommand)]
pub enum VolumeCommand {
    /// List the volumes that have a name
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    /// Remove volumes with everything in them
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
}

/// Arguments of `dsbuild volume ls`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// List only volumes that match: dangling, name
    #[arg(short, long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// Form of the list.
    #[command(flatten)]
    pub list: ListArgs,
}

/// Arguments of `dsbuild volume rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// Do not fail if a volume does not exist
    #[arg(short, long)]
    pub force: bool,
    /// Volumes to remove, by name
    #[arg(required = true, value_name = "VOLUME")]
    pub volumes: Vec<String>,
}
