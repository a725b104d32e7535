//! The part of a container's document about isolation: rights of its processes, and what they share with this machine.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Isolation of a container from this machine, where it differs from docker's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IsolationConfig {
    /// --privileged: whether processes have all capabilities, all system calls and all devices, and nothing is masked.
    pub privileged: bool,
    /// --cap-add: names of capabilities.
    pub cap_add: Vec<String>,
    /// --cap-drop: names of capabilities, dropped before others are added.
    pub cap_drop: Vec<String>,
    /// --security-opt seccomp=unconfined: whether processes can make every system call.
    pub seccomp_unconfined: bool,
    /// --security-opt no-new-privileges: whether set-user-ID programs have no effect.
    pub no_new_privileges: bool,
    /// --security-opt systempaths=unconfined: whether nothing in /proc and /sys is masked.
    pub shows_system_paths: bool,
    /// --read-only: whether the files of the image cannot be changed.
    pub read_only: bool,
    /// --ulimit: limits of each process.
    pub ulimits: Vec<Ulimit>,
    /// --sysctl: names and values of kernel parameters.
    pub sysctls: Vec<(String, String)>,
    /// --group-add: names or numbers of further groups of the process.
    pub groups: Vec<String>,
    /// --device: device nodes of this machine.
    pub devices: Vec<DeviceNode>,
    /// --gpus, --device VENDOR/CLASS=NAME: devices by their names in the Container Device Interface.
    pub cdi_devices: Vec<String>,
    /// --ipc=none: whether there is no /dev/shm.
    pub no_shm: bool,
    /// --uts=host: whether the container has the name of this machine.
    pub host_uts: bool,
    /// --domainname: NIS domain name; empty for none.
    pub domainname: String,
    /// --init: whether a small init of ours is the first process.
    pub init: bool,
    /// --oom-score-adj: preference of the kernel for killing the processes when memory runs out.
    pub oom_score_adj: Option<i32>,
    /// --add-host: names and addresses for /etc/hosts.
    pub hosts: Vec<(String, IpAddr)>,
    /// --dns: addresses of name servers.
    pub dns: Vec<IpAddr>,
    /// --dns-search: domains in which names are looked up.
    pub dns_search: Vec<String>,
    /// --dns-option: options of the resolver.
    pub dns_options: Vec<String>,
}

/// A limit on a resource of each process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// Docker's name of the resource: `nofile`, `core`.
    pub name: String,
    /// Value that the kernel enforces.
    pub soft: u64,
    /// Largest value that a process can set.
    pub hard: u64,
}

/// A device node of this machine, or a directory of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceNode {
    /// Absolute path on this machine.
    pub host: String,
    /// Absolute path in the container.
    pub target: String,
}
