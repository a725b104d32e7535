//! `dsbuild container COMMAND`: containers, in docker's words. Most of the commands have a short spelling: `ps`, `rm`.

mod find;
pub mod logs;
pub mod ls;
pub mod port;
pub mod rm;
pub mod stop;

use crate::args::container::ContainerCommand;
use crate::failure::Failure;

/// Runs a command of the group and returns its exit code.
pub fn run(command: ContainerCommand) -> Result<u8, Failure> {
    match command {
        ContainerCommand::Logs(args) => logs::run(&args),
        ContainerCommand::Ls(args) => ls::run(&args),
        ContainerCommand::Port(args) => port::run(&args),
        ContainerCommand::Rm(args) => rm::run(&args),
        ContainerCommand::Run(args) => super::run::run(&args),
        ContainerCommand::Stop(args) => stop::run(&args),
    }
}
