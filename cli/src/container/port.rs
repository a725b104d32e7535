//! Flags of `dsbuild port`.

use clap::Args;

/// Arguments of `dsbuild port`.
#[derive(Debug, Args)]
pub struct PortArgs {
    /// Container, by name or ID
    pub container: String,
    /// Port in the container [default: all published ports]
    #[arg(value_name = "PORT[/udp]")]
    pub port: Option<String>,
}
