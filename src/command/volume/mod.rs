//! `dsbuild volume COMMAND`: volumes of containers, in docker's words.

mod create;
mod inspect;
mod ls;
mod prune;
mod rm;

use crate::failure::Failure;
use cli::volume::VolumeCommand;

/// Runs a command of the group and returns its exit code.
pub fn run(command: VolumeCommand) -> Result<u8, Failure> {
    match command {
        VolumeCommand::Create(args) => create::run(&args),
        VolumeCommand::Inspect(args) => inspect::run(&args),
        VolumeCommand::Prune(args) => prune::run(&args),
        VolumeCommand::Ls(args) => ls::run(&args),
        VolumeCommand::Rm(args) => rm::run(&args),
    }
}
