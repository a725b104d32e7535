//! `dsbuild volume COMMAND`: the volumes that `run --volume NAME:DIR` makes, in docker's words.

mod ls;
mod rm;

use crate::failure::Failure;
use cli::volume::VolumeCommand;

/// Runs a command of the group and returns its exit code.
pub fn run(command: VolumeCommand) -> Result<u8, Failure> {
    match command {
        VolumeCommand::Ls(args) => ls::run(&args),
        VolumeCommand::Rm(args) => rm::run(&args),
    }
}
