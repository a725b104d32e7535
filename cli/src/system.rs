//! Flags of `dsbuild system df` and `prune`, which are those of docker.

use clap::{Args, Subcommand};

/// Commands of `dsbuild system`.
#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    /// Show how much disk space images, containers, volumes and the build cache use
    Df(DfArgs),
    /// Remove ended containers, images that nothing needs, and build cache
    Prune(SystemPruneArgs),
}

/// Arguments of `dsbuild system df`.
#[derive(Debug, Args)]
pub struct DfArgs {
    /// List each image, container and volume
    #[arg(short, long)]
    pub verbose: bool,
    /// Form of the list: table, json, or a template such as '{{.Type}}: {{.Size}}'
    #[arg(long, value_name = "FORMAT", conflicts_with = "verbose")]
    pub format: Option<String>,
}

/// Arguments of `dsbuild system prune`.
#[derive(Debug, Args)]
pub struct SystemPruneArgs {
    /// Remove all images that no container needs, and all build cache
    #[arg(short, long)]
    pub all: bool,
    /// Do not ask before anything is removed
    #[arg(short, long)]
    pub force: bool,
    /// Accepted as in docker: volumes with a name stay in any case
    #[arg(long)]
    pub volumes: bool,
    /// Remove only what matches: label, until
    #[arg(long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
}
