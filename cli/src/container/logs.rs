//! Flags of `dsbuild logs`.

use clap::Args;

/// Arguments of `dsbuild logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Print new output as it comes, until the container ends
    #[arg(short, long)]
    pub follow: bool,
    /// Print only the last lines: a number, or all
    #[arg(short = 'n', long, value_name = "N", default_value = "all", allow_hyphen_values = true)]
    pub tail: String,
    /// Print only output since a moment, such as 10m or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub since: Option<String>,
    /// Print only output before a moment, such as 10m or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub until: Option<String>,
    /// Begin each line with its time
    #[arg(short, long)]
    pub timestamps: bool,
    /// Accepted for docker's sake: there are no further details
    #[arg(long, hide = true)]
    pub details: bool,
    /// Container, by name or ID
    pub container: String,
}
