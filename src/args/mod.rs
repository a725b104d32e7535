//! The command line, as typed data.

pub mod build;
pub mod container;
pub mod context;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const AFTER_HELP: &str = "\
`dsbuild -t NAME .` is short for `dsbuild build -t NAME .`

Exit codes:
  0    done
  1    the Dockerfile, a command in it, an image or a container is at fault; a check found something
  2    dsbuild itself failed, or the command line is wrong
  130  interrupted (128 and the number of the signal)

`run` exits with the code of its process (128 and the number of the signal that ended it), or with
  125  if the container could not be started
  126  if its program cannot be executed
  127  if its program is not there";

/// Builds images from Dockerfiles without a daemon, and runs them.
#[derive(Debug, Parser)]
#[command(name = "dsbuild", version, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build an image from a Dockerfile
    Build(Box<build::BuildArgs>),
    /// Show what a build sees of a folder, what is left out and why, and what is big
    Context(context::ContextArgs),
    /// Show how a Dockerfile is parsed
    Parse(ParseArgs),
    /// Format Dockerfiles in place, without a change of meaning
    Fmt(FmtArgs),
    /// Run an image
    Run(Box<container::RunArgs>),
    /// List containers
    Ps(container::PsArgs),
    /// Show what a container wrote
    Logs(container::LogsArgs),
    /// Show on which ports of this machine the ports of a container are published
    Port(container::PortArgs),
    /// Stop containers
    Stop(container::StopArgs),
    /// Remove containers
    Rm(container::RmArgs),
    /// List images
    Images(ImagesArgs),
    /// Remove images
    Rmi(RmiArgs),
    /// Take an image from an archive (OCI layout, docker save, root file system) into the store
    #[command(alias = "load")]
    Import(ImportArgs),
    /// Show how much of the disk the store takes
    Du,
    /// Remove what was not used for longest
    #[command(alias = "gc")]
    Prune(PruneArgs),
    /// Verify the store
    Check(CheckArgs),
    /// Watches over a container that runs in the background
    #[command(name = "__monitor", hide = true)]
    Monitor(container::MonitorArgs),
}

/// `parse`.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// How to print it
    #[arg(long, value_parser = ["json"], default_value = "json")]
    pub format: String,
    /// The Dockerfile; `-` is stdin
    pub file: PathBuf,
}

/// `fmt`.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Change nothing; print the names of files that are not formatted, and exit with 1 if there are any
    #[arg(long)]
    pub check: bool,
    /// The Dockerfiles [default: Dockerfile]; `-` is stdin, formatted to stdout
    pub files: Vec<PathBuf>,
}

/// `images`.
#[derive(Debug, Args)]
pub struct ImagesArgs {
    /// Only ids
    #[arg(short, long)]
    pub quiet: bool,
}

/// `rmi`.
#[derive(Debug, Args)]
pub struct RmiArgs {
    /// Names or ids
    #[arg(required = true)]
    pub images: Vec<String>,
}

/// `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The names it gets, besides those that the archive gives
    #[arg(short, long = "tag", value_name = "NAME")]
    pub tags: Vec<String>,
    /// The archive, plain or compressed, or the folder of an OCI layout
    pub file: PathBuf,
}

/// `prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Remove everything that no named image and no container needs
    #[arg(short, long, conflicts_with = "keep_storage")]
    pub all: bool,
    /// What the store may take afterwards [default: a fifth of the disk]
    #[arg(long, value_name = "BYTES")]
    pub keep_storage: Option<String>,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Hash every blob, too
    #[arg(long)]
    pub read_data: bool,
}

/// Where the machine's devices are described.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// A folder with CDI specs, which say what RUN --device and run --device stand for; later ones win
    #[arg(
        long = "cdi-spec-dir",
        value_name = "DIR",
        env = "DSBUILD_CDI_SPEC_DIRS",
        value_delimiter = ':',
        default_values = ["/etc/buildkit/cdi", "/etc/cdi", "/var/run/cdi"],
        hide_env_values = true
    )]
    pub cdi_spec_dirs: Vec<PathBuf>,
}

/// The command that a word may have been meant for.
pub fn meant_command(word: &str) -> Option<String> {
    let command = <Cli as clap::CommandFactory>::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    parser::suggest(word, &names).map(str::to_owned)
}

/// Puts `build` in front where no command is named: `dsbuild -t name .`.
pub fn with_default_command(mut args: Vec<OsString>) -> Vec<OsString> {
    let names_a_command = match args.get(1).and_then(|arg| arg.to_str()) {
        None => true,
        Some("-h" | "--help" | "-V" | "--version" | "help") => true,
        Some(word) => <Cli as clap::CommandFactory>::command().get_subcommands().any(|command| {
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
        <Cli as clap::CommandFactory>::command().debug_assert();
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
}
