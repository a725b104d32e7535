//! Flags of the commands on containers, which are those of docker.
//!
//! ```text
//! run        the flags of run alone              ls    ps           logs  logs
//! create     the flags of run and create:        port  port         life  start, stop, kill, rm and the like
//!   lifetime  process  network  mounts  isolation  resources  unsupported                exec  exec, attach
//!                                                files cp, diff, export, commit
//!                                                watch top, stats, update
//! ```

mod create;
mod exec;
mod files;
mod isolation;
mod life;
mod lifetime;
mod logs;
mod ls;
mod mounts;
mod network;
mod port;
mod process;
mod resources;
mod run;
mod unsupported;
mod watch;

use clap::Subcommand;

use super::inspect::InspectOneKindArgs;

pub use create::CreateArgs;
pub use exec::{AttachArgs, ExecArgs};
pub use files::{CommitArgs, CpArgs, DiffContainerArgs, ExportArgs};
pub use isolation::IsolationArgs;
pub use life::{
    ContainersArgs, KillArgs, MonitorArgs, PruneContainersArgs, RenameArgs, RmArgs, StartArgs, StopArgs,
};
pub use lifetime::LifetimeArgs;
pub use logs::LogsArgs;
pub use ls::LsArgs;
pub use mounts::MountArgs;
pub use network::NetworkArgs;
pub use port::PortArgs;
pub use process::ProcessArgs;
pub use resources::ResourceArgs;
pub use run::RunArgs;
pub use unsupported::UnsupportedArgs;
pub use watch::{StatsArgs, TopArgs, UpdateArgs};

/// Commands of `dsbuild container`.
#[derive(Debug, Subcommand)]
pub enum ContainerCommand {
    /// Connect to the streams of a container that runs
    Attach(AttachArgs),
    /// Create a container without starting it
    #[command(args_override_self = true, disable_help_flag = true)]
    Create(Box<CreateArgs>),
    /// Copy files between a container and this machine
    Cp(CpArgs),
    /// Write the files of a container as a tar
    Export(ExportArgs),
    /// Make an image of what a container is now
    Commit(CommitArgs),
    /// Freeze the processes of containers
    Pause(ContainersArgs),
    /// Let the frozen processes of containers go on
    Unpause(ContainersArgs),
    /// Show the resources that containers use
    Stats(StatsArgs),
    /// List the processes of a container
    Top(TopArgs),
    /// Change the settings of containers
    Update(UpdateArgs),
    /// List the files that a container has changed: A added, C changed, D deleted
    Diff(DiffContainerArgs),
    /// Run a further process in a container that runs
    Exec(ExecArgs),
    /// Print everything that is known about containers
    Inspect(InspectOneKindArgs),
    /// Send a signal to containers that run
    Kill(KillArgs),
    /// Print the output of a container
    Logs(LogsArgs),
    /// List containers that are running
    #[command(visible_aliases = ["list", "ps"])]
    Ls(LsArgs),
    /// Show on which addresses of this machine the ports of a container are published
    Port(PortArgs),
    /// Remove all containers that have ended
    Prune(PruneContainersArgs),
    /// Give a container another name
    Rename(RenameArgs),
    /// Stop containers, and start them again
    Restart(StopArgs),
    /// Remove containers that have ended
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Run an image in a container
    #[command(args_override_self = true, disable_help_flag = true)]
    Run(Box<RunArgs>),
    /// Start containers that have ended, or were created
    Start(StartArgs),
    /// Stop containers that are running
    Stop(StopArgs),
    /// Wait until containers have ended, and print their exit codes
    Wait(ContainersArgs),
}
