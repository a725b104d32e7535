//! The commands of dsbuild: one file or directory for each, with the name of the command.
//!
//! ```text
//! build/    build, and build --check, --call, --timings       context/  context
//! run/      run, __monitor                                    ps  logs  port  stop  rm
//! images  rmi  import                                         du  prune  check
//! pull  push  login  logout
//! parse  fmt                                                  completion  man  cli_docs
//! ```
//!
//! A command turns its arguments into calls of the libraries and prints what they return.

mod build;
mod check;
mod cli_docs;
mod completion;
mod container;
mod context;
mod du;
mod fmt;
mod images;
mod import;
mod login;
mod logout;
mod logs;
mod man;
mod parse;
mod port;
mod prune;
mod ps;
mod pull;
mod push;
mod rm;
mod rmi;
mod run;
mod stop;

use crate::args::Command;
use crate::failure::Failure;

/// Runs a command and returns its exit code.
pub fn run(command: Command) -> Result<u8, Failure> {
    if !matches!(command, Command::Build(_)) {
        // A build blocks the signal together with others.
        sandbox::signal::ignore_file_size_signal()?;
    }
    match command {
        Command::Build(args) => build::run(&args),
        Command::Context(args) => context::run(&args),
        Command::Parse(args) => parse::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Ps(args) => ps::run(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Port(args) => port::run(&args),
        Command::Stop(args) => stop::run(&args),
        Command::Rm(args) => rm::run(&args),
        Command::Pull(args) => pull::run(&args),
        Command::Push(args) => push::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Logout(args) => logout::run(&args),
        Command::Images(args) => images::run(&args),
        Command::Rmi(args) => rmi::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Du => du::run(),
        Command::Prune(args) => prune::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Completion(args) => completion::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Monitor(args) => run::monitor::run(&args),
        Command::CliDocs => cli_docs::run(),
    }
}
