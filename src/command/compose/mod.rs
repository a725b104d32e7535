//! `dsbuild compose`: the services of Compose files.
//!
//! ```text
//! project  which files, variables and profiles a command is for
//! config   compose config
//! ```

mod config;
mod project;

use crate::failure::Failure;
use cli::compose::{ComposeArgs, ComposeCommand};

/// Runs a command for a project and returns its exit code.
pub fn run(args: &ComposeArgs) -> Result<u8, Failure> {
    match &args.command {
        ComposeCommand::Config(config) => config::run(&args.project, config),
    }
}
