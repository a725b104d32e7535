//! Flags of `dsbuild run`.

use clap::Args;

use super::create::CreateArgs;
use crate::values::switch;

/// Arguments of `dsbuild run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run in the background and print the ID of the container
    #[arg(short, long)]
    pub detach: bool,
    /// Keys that detach from the container, such as ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    pub detach_keys: Option<String>,
    /// Pass signals on to the process
    #[arg(long, value_name = "BOOL", value_parser = switch, default_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub sig_proxy: bool,
    /// Flags that `create` has as well, the image and its command.
    #[command(flatten)]
    pub create: CreateArgs,
}
