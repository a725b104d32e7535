//! Flags of `dsbuild ps`, also called `container ls`.

use clap::Args;

use crate::list::ListArgs;

/// Arguments of `dsbuild ps`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Also list containers that have ended
    #[arg(short, long)]
    pub all: bool,
    /// List only containers that match: ancestor, before, exited, health, id, label, name, network, publish, since, status,
    /// volume
    #[arg(short, long = "filter", value_name = "KEY=VALUE")]
    pub filters: Vec<String>,
    /// List the N newest containers, whether or not they run
    #[arg(short = 'n', long, value_name = "N")]
    pub last: Option<usize>,
    /// List the newest container, whether or not it runs
    #[arg(short, long)]
    pub latest: bool,
    /// Show the size of the files that each container has changed
    #[arg(short, long)]
    pub size: bool,
    /// Form of the list.
    #[command(flatten)]
    pub list: ListArgs,
}
