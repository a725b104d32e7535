//! Flags of `run` about networks: names, addresses, published ports.

use std::net::IpAddr;

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
    #[arg(long = "network", alias = "net", value_name = "MODE", default_value = "default")]
    pub mode: String,
    /// Publish all ports that the image or --expose names, on free ports that `dsbuild port` shows
    #[arg(short = 'P', long)]
    pub publish_all: bool,
    /// Name a port of the container, for --publish-all
    #[arg(long, value_name = "PORT[-PORT][/udp]")]
    pub expose: Vec<String>,
    /// Add a name to /etc/hosts
    #[arg(long = "add-host", value_name = "NAME:ADDRESS")]
    pub hosts: Vec<String>,
    /// Name server of the container [default: those of this machine]
    #[arg(long, value_name = "ADDRESS")]
    pub dns: Vec<IpAddr>,
    /// Domain in which the container looks up names; . for none
    #[arg(long, value_name = "DOMAIN")]
    pub dns_search: Vec<String>,
    /// Option of the container's resolver, such as ndots:2
    #[arg(long = "dns-option", alias = "dns-opt", value_name = "OPTION")]
    pub dns_options: Vec<String>,
    /// NIS domain name of the container
    #[arg(long, value_name = "NAME", default_value = "")]
    pub domainname: String,
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
