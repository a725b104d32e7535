//! The command line as typed data: one file of flags for each group of commands.
//!
//! ```text
//! build      dsbuild build          container  run, ps, logs, port, stop    docker  flags and commands of docker
//! context    dsbuild context        image      images, rmi, import                  that have no effect here
//! dockerfile parse, fmt             store      prune, check
//! registry   pull, push, login, logout
//! values     values that several flags share
//! ```
//!
//! The comments on commands and flags are the texts of `--help`, of the man page and of `docs/cli.md`.

pub mod build;
pub mod container;
pub mod context;
pub mod docker;
pub mod dockerfile;
#[cfg(test)]
mod docs;
pub mod image;
pub mod registry;
pub mod store;
pub mod values;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

const AFTER_HELP: &str = "\
`dsbuild -t NAME .` is short for `dsbuild build -t NAME .`

Exit codes:
  0    success
  1    the Dockerfile, a command in it, an image, a registry or a container failed; or a check found something
  2    dsbuild itself failed, or the command line is wrong
  130  interrupted (128 plus the number of the signal)

`run` exits with the code of its process (128 plus the number of the signal that ended it), or with
  125  if the container could not be started
  126  if its program cannot be executed
  127  if its program does not exist";

/// Builds images from Dockerfiles without a daemon, and runs them.
#[derive(Debug, Parser)]
#[command(name = "dsbuild", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = AFTER_HELP)]
pub struct Cli {
    /// Command that the user names.
    #[command(subcommand)]
    pub command: Command,
}

/// All commands, in the order of `--help`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build an image from a Dockerfile
    #[command(args_override_self = true)]
    Build(Box<build::BuildArgs>),
    /// Show which files of a directory a build gets, which lines exclude the others, and which files are large
    Context(context::ContextArgs),
    /// Print how a Dockerfile is parsed
    Parse(dockerfile::ParseArgs),
    /// Format Dockerfiles in place without changing their meaning
    Fmt(dockerfile::FmtArgs),
    /// Run an image in a container
    #[command(args_override_self = true)]
    Run(Box<container::RunArgs>),
    /// List containers that are running
    Ps(container::PsArgs),
    /// Print the output of a container
    Logs(container::LogsArgs),
    /// Show on which addresses of this machine the ports of a container are published
    Port(container::PortArgs),
    /// Stop containers that are running
    Stop(container::StopArgs),
    /// Remove containers that have ended
    Rm(container::RmArgs),
    /// Pull an image from its registry into the store
    Pull(registry::PullArgs),
    /// Push an image of the store to its registry
    Push(registry::PushArgs),
    /// Log in to a registry
    Login(registry::LoginArgs),
    /// Log out of a registry
    Logout(registry::LogoutArgs),
    /// List the images in the store
    Images(image::ImagesArgs),
    /// Remove images from the store
    Rmi(image::RmiArgs),
    /// Import an image from an archive: OCI layout, docker save, or root file system
    #[command(alias = "load")]
    Import(image::ImportArgs),
    /// Show how much disk space the store uses
    Du,
    /// Remove data from the store, the least recently used first
    #[command(alias = "gc")]
    Prune(store::PruneArgs),
    /// Check the store for damage
    Check(store::CheckArgs),
    /// Print a script that completes commands and flags in a shell
    Completion(CompletionArgs),
    /// Print the man page of dsbuild or of a command
    Man(ManArgs),
    /// Watch over a container that runs in the background
    #[command(name = "__monitor", hide = true)]
    Monitor(container::MonitorArgs),
    /// Print the reference of all commands as Markdown: docs/cli.md
    #[command(name = "__cli-docs", hide = true)]
    CliDocs,
}

/// Arguments of `dsbuild completion`.
#[derive(Debug, clap::Args)]
pub struct CompletionArgs {
    /// Shell that the script is for
    pub shell: clap_complete::Shell,
}

/// Arguments of `dsbuild man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Command to document [default: all of dsbuild, in short]
    pub command: Option<String>,
}

/// Returns the command that a mistyped word may mean.
pub fn similar_command(word: &str) -> Option<String> {
    let command = Cli::command();
    let names: Vec<&str> = visible_commands(&command).map(clap::Command::get_name).collect();
    parser::suggest(word, &names).map(str::to_owned)
}

/// Returns the flag of a command that a mistyped one may mean, for example `--no-cache` for `--no-cahce`.
pub fn similar_flag(command: &str, flag: &str) -> Option<String> {
    let cli = Cli::command();
    let command = cli.find_subcommand(command)?;
    let flags: Vec<&str> =
        command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(clap::Arg::get_long).collect();
    parser::suggest(flag.trim_start_matches('-'), &flags).map(|flag| format!("--{flag}"))
}

/// Returns the commands that `--help` lists.
pub fn visible_commands(cli: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    cli.get_subcommands().filter(|command| !command.is_hide_set())
}

/// Inserts `build` if the first argument is not a command: `dsbuild -t name .`.
pub fn with_default_command(mut args: Vec<OsString>) -> Vec<OsString> {
    let names_a_command = match args.get(1).and_then(|arg| arg.to_str()) {
        None => args.len() == 1,
        Some("-h" | "--help" | "-V" | "--version" | "help") => true,
        Some(word) => Cli::command().get_subcommands().any(|command| {
            command.get_name() == word || command.get_all_aliases().any(|alias| alias == word)
        }),
    };
    if !names_a_command {
        args.insert(1, "build".into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[track_caller]
    fn check(args: &[&str], expected: &[&str]) {
        let got = with_default_command(args.iter().map(OsString::from).collect());
        assert_eq!(got, expected.iter().map(OsString::from).collect::<Vec<_>>());
    }

    #[test]
    fn build_is_the_default_command() {
        check(&["dsbuild"], &["dsbuild"]);
        check(&["dsbuild", "--help"], &["dsbuild", "--help"]);
        check(&["dsbuild", "build", "."], &["dsbuild", "build", "."]);
        check(&["dsbuild", "load", "x"], &["dsbuild", "load", "x"]);
        check(&["dsbuild", "-t", "x", "."], &["dsbuild", "build", "-t", "x", "."]);
        check(&["dsbuild", "."], &["dsbuild", "build", "."]);
    }

    #[test]
    fn a_mistyped_flag_has_a_suggestion_only_if_one_is_near() {
        let check = |flag: &str, expected: Option<&str>| {
            assert_eq!(similar_flag("build", flag).as_deref(), expected, "{flag}");
        };
        check("--no-cahce", Some("--no-cache"));
        check("--ouput", Some("--output"));
        check("--frobnicate", None);
    }
}
