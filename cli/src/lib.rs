//! The command line as typed data: one file of flags for each group of commands.
//!
//! ```text
//! build      dsbuild build          container  run, ps, logs, port, stop, rm     docker  flags and commands of docker
//! context    dsbuild context        image      images, rmi, tag, import                  that have no effect here
//! dockerfile parse, fmt             store      prune, check     system   system df, system prune
//! inspect    inspect, history        filters, moment, values  values that several flags share
//! manifest   manifest …  volume  volume …
//! names      names of commands       list         flags of lists
//! registry   pull, push, login, logout
//! bake       bake          compose    compose …
//! isolation, mounts   values of flags of run
//! versions   rollback, diff         error     the mistake in a command line
//! ```
//!
//! The comments on commands and flags are the texts of `--help`, of the man page and of `docs/cli.md`.

pub mod bake;
pub mod build;
pub mod compose;
pub mod container;
pub mod context;
pub mod docker;
pub mod dockerfile;
#[cfg(test)]
mod docs;
mod error;
pub mod filters;
pub mod image;
pub mod inspect;
pub mod isolation;
pub mod list;
pub mod manifest;
pub mod moment;
pub mod mounts;
mod names;
pub mod registry;
pub mod store;
pub mod system;
pub mod values;
pub mod versions;
pub mod volume;

use clap::{Parser, Subcommand};

pub use error::UsageError;
pub use names::{
    command_path, context_hint, find_command, similar_command, similar_flag, visible_commands,
    with_default_command,
};

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
    /// Build the targets of a bake file or a Compose file
    Bake(Box<bake::BakeArgs>),
    /// Show which files of a directory a build gets, which lines exclude the others, and which files are large
    Context(context::ContextArgs),
    /// Print how a Dockerfile is parsed
    Parse(dockerfile::ParseArgs),
    /// Format Dockerfiles in place without changing their meaning
    Fmt(dockerfile::FmtArgs),
    /// Run an image in a container
    #[command(args_override_self = true, disable_help_flag = true)]
    Run(Box<container::RunArgs>),
    /// Create a container without starting it
    #[command(args_override_self = true, disable_help_flag = true)]
    Create(Box<container::CreateArgs>),
    /// Start containers that have ended, or were created
    Start(container::StartArgs),
    /// Run a further process in a container that runs
    Exec(container::ExecArgs),
    /// Copy files between a container and this machine
    Cp(container::CpArgs),
    /// Write the files of a container as a tar
    Export(container::ExportArgs),
    /// Make an image of what a container is now
    Commit(container::CommitArgs),
    /// Freeze the processes of containers
    Pause(container::ContainersArgs),
    /// Let the frozen processes of containers go on
    Unpause(container::ContainersArgs),
    /// Show the resources that containers use
    Stats(container::StatsArgs),
    /// List the processes of a container
    Top(container::TopArgs),
    /// Change the settings of containers
    Update(container::UpdateArgs),
    /// Connect to the streams of a container that runs
    Attach(container::AttachArgs),
    /// List containers that are running
    Ps(container::LsArgs),
    /// Print the output of a container
    Logs(container::LogsArgs),
    /// Show on which addresses of this machine the ports of a container are published
    Port(container::PortArgs),
    /// Stop containers that are running
    Stop(container::StopArgs),
    /// Stop containers, and start them again
    Restart(container::StopArgs),
    /// Send a signal to containers that run
    Kill(container::KillArgs),
    /// Wait until containers have ended, and print their exit codes
    Wait(container::ContainersArgs),
    /// Give a container another name
    Rename(container::RenameArgs),
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
    Images(image::LsArgs),
    /// Remove images from the store
    Rmi(image::RmArgs),
    /// Give an image another name
    Tag(image::TagArgs),
    /// Show the instructions that an image was made by, and the sizes of its layers
    History(inspect::HistoryArgs),
    /// Print everything that is known about images and containers
    Inspect(inspect::InspectArgs),
    /// Make a name point to the image that it had before, or to any of its versions
    Rollback(versions::RollbackArgs),
    /// Show the differences between two images: packages, config, layers, files
    Diff(versions::DiffArgs),
    /// Import an image from an archive: OCI layout, docker save, or root file system
    Import(image::ImportArgs),
    /// Import the images of an archive of `save`
    Load(image::LoadArgs),
    /// Write images to an archive that docker, podman and skopeo read
    Save(image::SaveArgs),
    /// Show how much disk space the store uses
    Du,
    /// Remove data from the store, the least recently used first
    #[command(alias = "gc")]
    Prune(store::PruneArgs),
    /// Check the store for damage
    Check(store::CheckArgs),
    /// Look at, name, move and remove images
    #[command(subcommand, arg_required_else_help = true)]
    Image(image::ImageCommand),
    /// Run, look at and remove containers
    #[command(subcommand, arg_required_else_help = true)]
    Container(container::ContainerCommand),
    /// Put images of several platforms together under one name
    #[command(subcommand, arg_required_else_help = true)]
    Manifest(manifest::ManifestCommand),
    /// List and remove volumes
    #[command(subcommand, arg_required_else_help = true)]
    Volume(volume::VolumeCommand),
    /// Run the services of a Compose file
    #[command(arg_required_else_help = true)]
    Compose(Box<compose::ComposeArgs>),
    /// Show the disk space of everything, and remove what nothing needs
    #[command(subcommand, arg_required_else_help = true)]
    System(system::SystemCommand),
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
    /// Command to document, such as `build` or `image ls` [default: all of dsbuild, in short]
    pub command: Vec<String>,
}
