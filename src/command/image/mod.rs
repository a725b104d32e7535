//! `dsbuild image COMMAND`: images, in docker's words. Most of the commands have a short spelling: `images`, `rmi`, `tag`.

pub mod find;
pub mod import;
pub mod ls;
pub mod rm;
mod summary;
pub mod tag;

use super::build;
use crate::args::image::ImageCommand;
use crate::failure::Failure;

/// Runs a command of the group and returns its exit code.
pub fn run(command: ImageCommand) -> Result<u8, Failure> {
    match command {
        ImageCommand::Build(args) => build::run(&args),
        ImageCommand::Import(args) => import::run(&args),
        ImageCommand::Ls(args) => ls::run(&args),
        ImageCommand::Rm(args) => rm::run(&args),
        ImageCommand::Tag(args) => tag::run(&args),
    }
}
