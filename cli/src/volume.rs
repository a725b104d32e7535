//! Flags of `dsbuild volume`, which are those of docker.

use clap::{Args, Subcommand};

use super::list::ListArgs;

/// Commands of `dsbuild volume`.
#[derive(Debug, Subcommand)]
pub enum VolumeCommand {
    /// Make a volume, and print its name
    Create(CreateArgs),
    /// Print everything that is known about volumes
    Inspect(InspectArgs),
    /// List the volumes of the store
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    /// Remove volumes that no container has
    Prune(PruneArgs),
    /// Remove volumes with everything in them
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
}

/// Arguments of `dsbuild volume create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Driver of the volume; local is the only one
    #[arg(short, long, value_name = "DRIVER", value_parser = ["local"], default_value = "local")]
    pub driver: String,
    /// Label of the volume
    #[arg(long = "label", value_name = "KEY[=VALUE]")]
    pub labels: Vec<String>,
    /// Option of the driver: type=none with device=DIR and o=bind, or type=tmpfs with o=size=BYTES
    #[arg(short, long = "opt", value_name = "NAME=VALUE")]
    pub options: Vec<String>,
    /// Name of the volume [default: a made-up name]
    #[arg(value_name = "VOLUME")]
    pub name: Option<String>,
}

/// Arguments of `dsbuild volume inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Form of the output: json, or a template such as '{{.Mountpoint}}'
    #[arg(short, long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Names of the volumes to look at
    #[arg(required = true, value_name = "VOLUME")]
    pub volumes: Vec<String>,
}

/// Arguments of `dsbuild volume ls`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// List only volumes that match: dangling, driver, label, name
    #[arg(short, long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// Form of the list.
    #[command(flatten)]
    pub list: ListArgs,
}

/// Arguments of `dsbuild volume prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Remove volumes with a name of the user's, too
    #[arg(short, long)]
    pub all: bool,
    /// Remove only volumes that match: label, all
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// Do not ask before anything is removed
    #[arg(short, long)]
    pub force: bool,
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
