//! Flags that all lists share, which are those of docker.

use clap::Args;

/// Flags of a list: form, length, IDs alone.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Print nothing but IDs
    #[arg(short, long)]
    pub quiet: bool,
    /// Do not shorten IDs and texts
    #[arg(long)]
    pub no_trunc: bool,
    /// Form of the list: table, json, a template such as '{{.ID}}', or 'table TEMPLATE'
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
}
