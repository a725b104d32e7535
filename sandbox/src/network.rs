//! The network of a sandbox: the host's, none, or a private one that pasta connects.
//!
//! ```text
//! pasta     the program that connects a private network; its command line and its start
//! witness   the process through which pasta finds the network namespace
//! forward   published ports that pasta does not serve: IPv6 and UDP
//! shared    one private network for several sandboxes: the caller's side
//! ```
//!
//! pasta (package `passt`) moves packets between a tap device in the sandbox's network namespace and ordinary sockets
//! outside; it needs no privileges on the host. The sandbox's supervisor starts it in its own pid namespace, so that
//! pasta cannot outlive the sandbox.

mod forward;
mod pasta;
mod shared;
mod witness;

pub(crate) use forward::Forwarders;
pub use pasta::check_available;
pub(crate) use pasta::{DNS_FORWARDER, command, connect};
pub use shared::{Connecting, SharedNetwork};

use crate::port_map::PortMap;

/// The network that the process of a sandbox sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// The network of the host, with its loopback.
    Host,
    /// The network of the host as a substitute for a private one.
    ///
    /// The process has no `NET_RAW`, and where the kernel can (Linux 6.12, Landlock) it reaches no abstract socket of
    /// a process outside.
    HostRestricted,
    /// A network namespace with nothing but its own loopback.
    None,
    /// A network namespace of the sandbox alone, connected to the outside by pasta.
    Private {
        /// Ports of the host that lead into the sandbox.
        publish: Vec<PortMap>,
    },
    /// A private network that the sandbox shares with others.
    Shared(SharedNetwork),
}
