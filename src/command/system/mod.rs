//! `dsbuild system COMMAND`: the space that everything takes, and removing what nothing needs, in docker's words.

mod df;
mod prune;
mod usage;

use crate::failure::Failure;
use cli::system::SystemCommand;

/// Runs a command of the group and returns its exit code.
pub fn run(command: SystemCommand) -> Result<u8, Failure> {
    match command {
        SystemCommand::Df(args) => df::run(&args),
        SystemCommand::Prune(args) => prune::run(&args),
    }
}
