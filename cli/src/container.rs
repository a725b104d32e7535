//! Flags of the commands on containers, which are those of docker.
//!
//! ```text
//! run        the flags of run alone              ls    ps           logs  logs
//! create     the flags of run and create:        port  port         life  stop, rm, prune
//!   process  network  isolation  resources
//! ```

mod create;
mod isolation;
mod life;
mod logs;
mod ls;
mod network;
mod port;
mod process;
mod resources;
mod run;

use clap::Subcommand;

use super::inspect::InspectOneKindArgs;

pub use create::CreateArgs;
pub use isolation::IsolationArgs;
pub use life::{MonitorArgs, PruneContainersArgs, RmArgs, StopArgs};
pub use logs::LogsArgs;
pub use ls::LsArgs;
pub use network::NetworkArgs;
pub use port::PortArgs;
pub use process::ProcessArgs;
pub use resources::ResourceArgs;
pub use run::RunArgs;

/// Commands of `dsbuild container`.
#[derive(Debug, Subcommand)]
pub enum ContainerCommand {
    /// Print everything that is known about containers
    Inspect(InspectOneKindArgs),
    /// Print the output of a container
    Logs(LogsArgs),
    /// List containers that are running
    #[command(visible_aliases = ["list", "ps"])]
    Ls(LsArgs),
    /// Show on which addresses of this machine the ports of a container are published
    Port(PortArgs),
    /// Remove all containers that have ended
    Prune(PruneContainersArgs),
    /// Remove containers that have ended
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Run an image in a container
    #[command(args_override_self = true)]
    Run(Box<RunArgs>),
    /// Stop containers that are running
    Stop(StopArgs),
}
