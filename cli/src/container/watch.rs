//! Flags of the commands that watch and change containers that run: `top`, `stats`, `update`.

use clap::Args;

use super::resources::ResourceArgs;

/// Arguments of `dsbuild top`.
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Container, by name or ID
    pub container: String,
}

/// Arguments of `dsbuild update`.
#[derive(Debug, Args)]
pub struct UpdateArgs {
    /// When the process is started again after its end: no, on-failure[:N], always, unless-stopped
    #[arg(long, value_name = "POLICY")]
    pub restart: Option<String>,
    /// Limits that replace those of the container.
    #[command(flatten)]
    pub resources: ResourceArgs,
    /// Containers, by name or ID
    #[arg(required = true)]
    pub containers: Vec<String>,
}
