//! The `dsbuild` binary: flags, progress, errors, exit codes. The only crate that prints.
//!
//! ```text
//! args/      the command line, as typed data
//! command/   one module a command
//! progress/  events of a build -> terminal, plain lines, JSON lines
//! timings/   where the time of a build went -> a page, a trace
//! report     errors -> the place, the cause, the way out
//! output     stdout and stderr
//! ```
//!
//! Exit codes: 0 done; 1 the user's build, input or container failed; 2 we failed, or the command line is wrong; 128 and
//! the signal where one ended us. `run` passes on its process's; 125 if that could not be started, also where the command
//! line is wrong, 126 if it cannot be executed, 127 if it is not there. `--help` and README.md say so, too.

mod args;
mod command;
mod environment;
mod output;
mod progress;
mod report;
mod timings;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;
use report::Failure;

fn main() -> ExitCode {
    sandbox::init_if_asked();
    environment::remember_caller();
    let args = args::with_default_command(std::env::args_os().collect());
    let is_run = args.get(1).is_some_and(|command| command == "run");
    let cli = match args::Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return refused(&error, is_run),
    };
    report::install_panic_hook();
    // Some libraries panic where no more threads can be started. Steps of a build catch this themselves.
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| command::run(cli.command)));
    match result.unwrap_or_else(|panic| Err(Failure::of_panic(&*panic))) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::error(&failure.report());
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Prints what is wrong with the command line, or the help that it asks for.
fn refused(error: &clap::Error, is_run: bool) -> ExitCode {
    // A reader that went away is no failure of ours.
    let _ = error.print();
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if is_run => ExitCode::from(command::COULD_NOT_START),
        code => ExitCode::from(u8::try_from(code).unwrap_or(2)),
    }
}
