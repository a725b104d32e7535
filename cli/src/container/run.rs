//! Flags of `dsbuild run`.

use clap::Args;

use super::create::CreateArgs;

/// Arguments of `dsbuild run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run in the background and print the ID of the container
    #[arg(short, long)]
    pub detach: bool,
    /// Flags that `create` has as well, the image and its command.
    #[command(flatten)]
    pub create: CreateArgs,
}
