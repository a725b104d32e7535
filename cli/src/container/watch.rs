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
    /// When the process is started again after its end: no, on-failure, on-failure:N, always, unless-stopped
    #[arg(long, value_name = "POLICY")]
    pub restart: Option<String>,
    /// Limits that replace those of the container.
    #[command(flatten)]
    pub resources: ResourceArgs,
    /// Containers, by name or ID
    #[arg(required = true)]
    pub containers: Vec<String>,
}

/// Arguments of `dsbuild stats`.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Also list containers that have ended
    #[arg(short, long)]
    pub all: bool,
    /// Print the list once
    #[arg(long)]
    pub no_stream: bool,
    /// Do not shorten IDs
    #[arg(long)]
    pub no_trunc: bool,
    /// Form of the list: table, json, a template such as '{{.Name}}', or 'table TEMPLATE'
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Containers, by name or ID [default: all that run]
    pub containers: Vec<String>,
}
