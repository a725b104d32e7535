//! The `dsbuild` binary: flags, progress, errors and exit codes. The only crate that prints.
//!
//! ```text
//! command/     one file or directory for each command
//! list         lists in the format of their flags
//! setup/       the store, the registry client, namespaces and signals
//! progress/    events of a build -> terminal, plain lines, JSON lines
//! failure/     errors -> the place, the cause, the way out
//! exit         exit codes
//! output/      the sink for everything printed: text from outside is sanitized
//! environment  environment variables
//! ```

mod command;
mod environment;
mod exit;
mod failure;
mod list;
mod output;
mod progress;
mod setup;

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use exit::Fault;
use failure::Failure;
use output::Stream;

fn main() -> ExitCode {
    sandbox::init_if_asked();
    environment::remember_caller();
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(failure) = missing_command(&args) {
        return fail(&failure);
    }
    let args = cli::with_default_command(args);
    let command = cli::command_path(&args);
    setup::origin::remember(&command, &args);
    let cli = match cli::Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &command),
    };
    failure::install_panic_hook();
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| command::run(cli.command)));
    match result.unwrap_or_else(|panic| Err(Failure::of_panic(&*panic))) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    output::colored(Stream::Stderr, &failure.report());
    ExitCode::from(failure.fault().exit_code())
}

/// Returns the failure of `docker`'s commands that dsbuild lacks. A directory of that name is a context all the same.
fn missing_command(args: &[OsString]) -> Option<Failure> {
    let word = args.get(1)?.to_str()?;
    if Path::new(word).is_dir() { None } else { cli::docker::missing_command(word).map(Failure::from) }
}

/// Prints the help that was asked for, or the error in a command line.
fn refuse(error: &clap::Error, command: &str) -> ExitCode {
    if error.exit_code() == 0 {
        // The text is our own. A reader that went away is no failure.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let fault = if command == "run" { Fault::NotStarted } else { Fault::Usage };
    match unknown_flag(error, command) {
        Some(failure) => fail(&failure.blamed_on(fault)),
        None => {
            output::note(error.render().to_string().trim_end());
            if let Some(hint) = cli::context_hint(error.kind(), command) {
                output::note(&hint);
            }
            ExitCode::from(fault.exit_code())
        }
    }
}

/// Returns the failure of a flag that the command does not have. A similar flag is suggested only if it differs by a
/// typing mistake.
fn unknown_flag(error: &clap::Error, command: &str) -> Option<Failure> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    if error.kind() != ErrorKind::UnknownArgument || !flag.starts_with('-') {
        return None;
    }
    let failure = Failure::usage(format!("`dsbuild {command}` has no flag {flag}"));
    Some(match cli::similar_flag(command, flag) {
        Some(similar) => failure.hint(format!("did you mean {similar}?")),
        None => failure.hint(format!("`dsbuild {command} --help` lists all flags")),
    })
}
