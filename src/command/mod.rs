//! One module a command; each turns arguments into calls of libraries and prints what comes back.

mod build;
mod build_options;
mod call;
mod check_dockerfile;
mod container;
mod detach;
mod fmt;
mod images;
mod import;
pub mod interrupt;
pub mod isolate;
mod outline;
mod parse;
mod port;
mod run;
mod store;
mod survey;
mod table;
mod targets;
mod terminal;
mod timings;

pub use run::COULD_NOT_START;

use crate::args::Command;
use crate::report::Failure;

/// Runs a command; returns the exit code.
pub fn run(command: Command) -> Result<u8, Failure> {
    if !matches!(command, Command::Build(_)) {
        // A build blocks the signal together with others.
        sandbox::signal::ignore_file_size_signal()?;
    }
    match command {
        Command::Build(args) => build::run(&args),
        Command::Context(args) => survey::run(&args),
        Command::Parse(args) => parse::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Ps(args) => container::list(&args),
        Command::Logs(args) => container::logs(&args),
        Command::Port(args) => port::run(&args),
        Command::Stop(args) => container::stop(&args),
        Command::Rm(args) => container::remove(&args),
        Command::Images(args) => images::list(&args),
        Command::Rmi(args) => images::remove(&args),
        Command::Import(args) => import::run(&args),
        Command::Du => store::usage(),
        Command::Prune(args) => store::prune(&args),
        Command::Check(args) => store::check(&args),
        Command::Monitor(args) => run::monitor(&args),
    }
}
