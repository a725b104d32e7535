//! Flags of `dsbuild logs`.

use clap::Args;

/// Arguments of `dsbuild logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Print new output as it comes, until the container ends
    #[arg(short, long)]
    pub follow: bool,
    /// Print only the last lines
    #[arg(short = 'n', long, value_name = "N")]
    pub tail: Option<usize>,
    /// Container, by name or ID
    pub container: String,
}
