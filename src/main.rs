//! The `dsbuild` binary: flags, progress, errors, exit codes. The only crate that prints.
//!
//! ```text
//! args/      the command line, as typed data
//! command/   one module a command
//! progress/  events of a build -> terminal, plain lines, JSON lines
//! report     errors -> the place, the cause, the way out
//! output     stdout and stderr
//! ```
//!
//! Exit codes: 0 done; 1 the user's build, input or container failed; 2 we failed, or the command line is wrong;
//! `run` passes on its process's (125 if it could not be started).

mod args;
mod command;
mod environment;
mod output;
mod progress;
mod report;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    sandbox::init_if_asked();
    environment::remember_caller();
    let cli = args::Cli::parse_from(args::with_default_command(std::env::args_os().collect()));
    match command::run(cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::error(&failure.report());
            ExitCode::from(failure.exit_code())
        }
    }
}
