//! The specification of a sandbox: what to run and where. Plain data, filled in by the caller.
//!
//! Types and defaults follow docker. `network` has the types of the network.

use std::ffi::OsString;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::boundary::Boundary;
use crate::cgroup::Limits;
use crate::detached_mount::DetachedMount;
use crate::network::Network;

/// A process with its root file system, mounts, network and limits.
#[derive(Debug)]
pub struct Spec {
    /// Mount that becomes `/`.
    pub root: DetachedMount,
    /// True if `/` is read-only; mounts on it can still be writable.
    pub read_only_root: bool,
    /// Mounts, made in order; a later one can lie on an earlier one.
    pub mounts: Vec<Mount>,
    /// The process to execute.
    pub process: Process,
    /// Network that the process sees.
    pub network: Network,
    /// Host name, also in `/etc/hosts`.
    pub hostname: String,
    /// Further entries of `/etc/hosts`.
    pub hosts: Vec<HostEntry>,
    /// Name servers and their settings in `/etc/resolv.conf`.
    pub dns: Dns,
    /// Size of `/dev/shm` in bytes; 64 MiB if absent.
    pub shm_size_bytes: Option<u64>,
    /// --ipc=host: true if the process shares the host's `/dev/shm`, System V IPC and message queues.
    pub host_ipc: bool,
    /// Limits on all processes of the sandbox together.
    pub limits: Limits,
    /// True for `RUN --security=insecure`: all capabilities, no seccomp filter, all devices, and nothing masked.
    pub insecure: bool,
    /// True if `/etc/hosts` and `/etc/resolv.conf` are read-only, as in a build step.
    pub read_only_etc: bool,
    /// Further differences from docker's defaults.
    pub boundary: Boundary,
}

/// The program to execute, its environment, and what it may do.
#[derive(Debug)]
pub struct Process {
    /// Program and arguments; at least the program.
    pub args: Vec<OsString>,
    /// Environment, entries of the form `NAME=value`.
    ///
    /// `HOME` is added if it is absent. The program is looked for in `PATH`, or in docker's default directories.
    pub env: Vec<OsString>,
    /// Working directory, an absolute path. If it does not exist, it is created with mode 0755 and given to the user.
    pub cwd: PathBuf,
    /// User and groups that the process runs as.
    pub user: ProcessUser,
    /// Capabilities that a root process keeps.
    pub capabilities: Capabilities,
    /// System calls that the process may make.
    pub seccomp: Seccomp,
    /// Resource limits; all others stay as the caller has them.
    pub rlimits: Vec<Rlimit>,
    /// Standard input, output and error.
    pub stdio: Stdio,
}

/// User and groups of a process, as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessUser {
    /// User id; 0 is root, and only root keeps capabilities.
    pub uid: u32,
    /// Id of the primary group.
    pub gid: u32,
    /// Ids of the supplementary groups; the primary group is among them only if it is listed.
    pub groups: Vec<u32>,
    /// Home directory, the value of `HOME` if the environment has none.
    pub home: PathBuf,
}

/// Standard input, output and error of a process.
#[derive(Debug)]
pub enum Stdio {
    /// An empty stdin; stdout and stderr are pipes, see [`crate::Running::take_output`].
    Piped,
    /// Open files of the caller.
    Files {
        /// File that becomes standard input.
        stdin: OwnedFd,
        /// File that becomes standard output.
        stdout: OwnedFd,
        /// File that becomes standard error.
        stderr: OwnedFd,
    },
    /// A new terminal for all three; for the other end see [`crate::Running::take_terminal`].
    Terminal,
}

/// Capabilities of a process that runs as root; a process of another user has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capabilities {
    /// Docker's default set of 14 capabilities.
    Default,
    /// Docker's default set with changes. Names with or without `CAP_`; `ALL` stands for all capabilities.
    Changed {
        /// --cap-add: names of capabilities to add.
        add: Vec<String>,
        /// --cap-drop: names of capabilities to drop; this happens before others are added.
        drop: Vec<String>,
    },
    /// Every capability that the caller has.
    All,
}

/// System calls that a process may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seccomp {
    /// The calls of docker's default profile.
    Default,
    /// The same, for a user namespace with a single ID, where nothing can have another owner or user. Calls that change an
    /// owner, a user or a group succeed without effect, and a process of a user other than root sees every file as its own.
    SingleId,
    /// Every call, without a filter.
    Unconfined,
}

/// A limit on a resource of each process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rlimit {
    /// Docker's name of the resource: `nofile`, `nproc`, `core`.
    pub name: String,
    /// Value that the kernel enforces; a process can raise it up to `hard`.
    pub soft: u64,
    /// Largest value that a process without privileges can set.
    pub hard: u64,
}

/// An entry of `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// Host name that the entry resolves.
    pub name: String,
    /// Address that the name resolves to.
    pub address: IpAddr,
}

/// Changes to the host's `/etc/resolv.conf`; an empty list leaves the host's lines of its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dns {
    /// --dns: addresses of name servers.
    pub servers: Vec<IpAddr>,
    /// --dns-search: domains in which names without a dot are looked up; `.` alone stands for none.
    pub search: Vec<String>,
    /// --dns-option: options of the resolver, such as `ndots:2`.
    pub options: Vec<String>,
}

/// A file or directory mounted in the root file system.
#[derive(Debug)]
pub struct Mount {
    /// Absolute path of the mount point, resolved inside the root.
    ///
    /// If it does not exist, it is created and reported by [`crate::Running::created_mount_points`].
    pub target: PathBuf,
    /// File or directory that appears there.
    pub source: MountSource,
    /// True if the process cannot write to it.
    pub read_only: bool,
}

/// The file or directory that a mount shows.
#[derive(Debug)]
pub enum MountSource {
    /// A directory or file that the caller has prepared.
    Detached(DetachedMount),
    /// An empty tmpfs, which disappears with the sandbox.
    Tmpfs {
        /// Largest size in bytes; half of the machine's memory, the kernel's default, if absent.
        size_bytes: Option<u64>,
        /// Mode of the root directory.
        mode: u32,
    },
    /// A secret: a file in memory on a file system without devices, set-user-ID programs or executables.
    Secret {
        /// Content of the file.
        bytes: Vec<u8>,
        /// Mode of the file.
        mode: u32,
        /// Id of the user that owns the file.
        uid: u32,
        /// Id of the file's group.
        gid: u32,
    },
    /// A device of the host.
    Device(Device),
    /// A unix socket whose clients are connected to a socket of the host, such as an SSH agent.
    Socket {
        /// Path of the socket on the host.
        path: PathBuf,
        /// Mode of the socket in the sandbox.
        mode: u32,
        /// Id of the user that owns the socket in the sandbox.
        uid: u32,
        /// Id of the group of the socket in the sandbox.
        gid: u32,
    },
}

/// A device node that can be opened, unlike the nodes in an image and the nodes that a process creates.
#[derive(Debug)]
pub struct Device {
    /// Detached mount of the host's node, if the host has one.
    ///
    /// In a user namespace it is required: this node is mounted, with the mode and the owner that it has. As root, a
    /// new node is created.
    pub node: Option<DetachedMount>,
    /// True for a block device, false for a character device.
    pub is_block: bool,
    /// Major and minor number of the device.
    pub numbers: (u32, u32),
    /// Mode of a new node.
    pub mode: u32,
    /// Id of the user that owns a new node.
    pub uid: u32,
    /// Id of the group of a new node.
    pub gid: u32,
}
