//! The document `config.json` of a container: what was asked for. Only `rename` and `update` write it again.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use oci::{Descriptor, DiffId};
use serde::{Deserialize, Serialize};

use super::isolation::IsolationConfig;
use super::life::LifeConfig;
use super::mounts::{TmpfsMount, Volume};
use super::resources::ResourceConfig;

/// Everything that is known about a container before it starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContainerConfig {
    /// Identifier of 64 random hex digits, also the name of the directory.
    pub id: String,
    /// Name that the user gave, or that was made up.
    pub name: String,
    /// Name or id of the image, as the user wrote it.
    pub image: String,
    /// Manifest of the image, for one platform.
    pub manifest: Descriptor,
    /// Layers of the image, in order from the base layer up. A root keeps them from being collected.
    pub layers: Vec<DiffId>,
    /// Program and its arguments, as for execve.
    pub args: Vec<String>,
    /// Environment of the process, each variable as `NAME=value`.
    pub env: Vec<String>,
    /// Absolute path of the working directory in the container.
    pub cwd: String,
    /// `user[:group]`, by name or number; empty for root.
    pub user: String,
    /// Host name that the process sees.
    pub hostname: String,
    /// Directories and files of this machine that are mounted into the container.
    pub volumes: Vec<Volume>,
    /// Ports of the container that can be reached on this machine.
    pub publish: Vec<Publish>,
    /// --shm-size: size of /dev/shm in bytes; 64 MiB if absent.
    #[serde(default)]
    pub shm_size_bytes: Option<u64>,
    /// --ipc=host: whether the container shares /dev/shm and other IPC of this machine.
    #[serde(default)]
    pub host_ipc: bool,
    /// --memory: bytes of memory that all processes can use together; not limited if absent.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// --pids-limit: number of processes and threads; not limited if absent.
    #[serde(default)]
    pub max_pids: Option<u64>,
    /// How the container reaches the network.
    pub network: NetworkMode,
    /// STOPSIGNAL of the image, a name or a number; empty for SIGTERM.
    pub stop_signal: String,
    /// Whether the process has a terminal instead of three streams.
    pub terminal: bool,
    /// Whether the container is removed when it ends (`--rm`).
    pub remove: bool,
    /// Time of creation, in milliseconds since 1970.
    pub created_ms: u64,
    /// Labels of the image and of the user, by key.
    pub labels: BTreeMap<String, String>,
    /// When the container ends, restarts, is healthy; what its log can hold.
    #[serde(default)]
    pub life: LifeConfig,
    /// Rights of the processes, and what they share with this machine.
    #[serde(default)]
    pub isolation: IsolationConfig,
    /// Limits besides memory and processes.
    #[serde(default)]
    pub resources: ResourceConfig,
    /// File systems in memory.
    #[serde(default)]
    pub tmpfs: Vec<TmpfsMount>,
}

impl ContainerConfig {
    /// Reports whether a named volume is mounted into the container.
    pub fn uses_volume(&self, name: &str) -> bool {
        self.volumes.iter().any(|one| one.is_named && one.source.file_name().is_some_and(|own| own == name))
    }
}

/// A port of this machine that is forwarded to a port of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Address and port on which this machine listens.
    pub host: SocketAddr,
    /// Port in the container.
    pub container_port: u16,
    /// UDP if true, TCP otherwise.
    pub udp: bool,
}

/// How a container reaches the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// A network namespace of its own. The container fails to start without one.
    Private,
    /// A network namespace of its own, or a restricted form of this machine's network if none can be connected
    /// (`--network-fallback=host`).
    Preferred,
    /// The network of this machine.
    Host,
    /// A network namespace with nothing but a loopback device.
    None,
}
