//! Flags of `run` about networks: names, addresses, published ports.

use clap::Args;

/// The network of a container.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Publish a port of the container on all addresses of this machine, or on one (127.0.0.1: for this machine alone);
    /// without HOST, on a free port that `dsbuild port` shows
    #[arg(short, long = "publish", value_name = "[IP:][HOST:]CONTAINER[/udp]")]
    pub publish: Vec<String>,
    /// Host name of the container [default: the beginning of its ID]
    #[arg(short = 'h', long)]
    pub hostname: Option<String>,
    /// Network of the container: default, none or host
    #[arg(long = "network", value_name = "MODE", default_value = "default")]
    pub mode: String,
    /// Network where no private network is available: error makes the start fail, host allows that of this machine
    #[arg(
        long = "network-fallback",
        value_name = "MODE",
        env = "DSBUILD_NETWORK_FALLBACK",
        value_parser = ["error", "host"],
        default_value = "error",
        hide_env_values = true
    )]
    pub fallback: String,
}
