//! `dsbuild completion SHELL`: prints a script that completes commands and flags.

use clap::CommandFactory;

use crate::failure::Failure;
use crate::output::{self, Stream};
use cli::{Cli, CompletionArgs};

/// Prints the script for a shell.
pub fn run(args: &CompletionArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    clap_complete::generate(args.shell, &mut command, "dsbuild", &mut script);
    output::data(Stream::Stdout, &script);
    Ok(0)
}
