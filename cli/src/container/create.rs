//! Flags of `dsbuild create`, which are also those of `run`: one file for each group of flags.

use clap::Args;

use super::isolation::IsolationArgs;
use super::network::NetworkArgs;
use super::process::ProcessArgs;
use super::resources::ResourceArgs;

/// Arguments of `dsbuild create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Remove the container when its process ends
    #[arg(long)]
    pub rm: bool,
    /// Name of the container [default: the beginning of its ID]
    #[arg(long)]
    pub name: Option<String>,
    /// Mount a directory or file of this machine, or a named volume, in the container
    #[arg(short, long = "volume", value_name = "HOST:CONTAINER[:ro]")]
    pub volumes: Vec<String>,
    /// The process and its streams.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Networks, names and ports.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Parts of this machine that the container shares.
    #[command(flatten)]
    pub isolation: IsolationArgs,
    /// Limits on memory and processes.
    #[command(flatten)]
    pub resources: ResourceArgs,
    /// Image to run, by name or ID
    pub image: String,
    /// Command to run in place of the image's CMD
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}
