//! What to run and where: plain data.

use std::ffi::OsString;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::detached_mount::DetachedMount;
use crate::network::Network;

/// A process and everything around it.
#[derive(Debug)]
pub struct Spec {
    /// The mount that becomes `/`.
    pub root: DetachedMount,
    /// True: `/` is read-only.
    pub read_only_root: bool,
    /// Mounts, in order; later ones may lie on earlier ones.
    pub mounts: Vec<Mount>,
    /// The process.
    pub process: Process,
    /// Its network.
    pub network: Network,
    /// Its host name, also in `/etc/hosts`.
    pub hostname: String,
    /// More entries of `/etc/hosts`.
    pub hosts: Vec<HostEntry>,
    /// Size of `/dev/shm`; 64 MiB where none is given.
    pub shm_size_bytes: Option<u64>,
    /// True (`RUN --security=insecure`): all capabilities, no seccomp, all devices, nothing masked.
    pub insecure: bool,
    /// True for a build step: `/etc/hosts` and `/etc/resolv.conf` are read-only.
    pub read_only_etc: bool,
}

/// The process itself.
#[derive(Debug)]
pub struct Process {
    /// Program and arguments; at least one.
    pub args: Vec<OsString>,
    /// `NAME=value`. `HOME` is added by the sandbox only if it is absent; `PATH` is used to find the program.
    pub env: Vec<OsString>,
    /// Absolute; made (0755, of the user) if it does not exist.
    pub cwd: PathBuf,
    /// User and groups that the process runs as.
    pub user: ProcessUser,
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// Its system calls.
    pub seccomp: Seccomp,
    /// Limits.
    pub rlimits: Vec<Rlimit>,
    /// Its standard streams.
    pub stdio: Stdio,
}

/// User and groups of a process, as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessUser {
    /// User ID; 0 is root, and only root keeps capabilities.
    pub uid: u32,
    /// Primary group ID.
    pub gid: u32,
    /// IDs of the supplementary groups; the primary group is a member only if it is listed.
    pub groups: Vec<u32>,
    /// Home directory, the value of `HOME` where the environment has none.
    pub home: PathBuf,
}

/// The standard streams.
#[derive(Debug)]
pub enum Stdio {
    /// stdin empty, stdout and stderr are pipes that [`crate::Running`] gives out.
    Piped,
    /// These three.
    Files {
        /// Standard input.
        stdin: OwnedFd,
        /// Standard output.
        stdout: OwnedFd,
        /// Standard error.
        stderr: OwnedFd,
    },
    /// A new terminal, whose other end [`crate::Running`] gives out.
    Terminal,
}

/// Capabilities of a process that runs as root; none for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capabilities {
    /// Docker's 14.
    Default,
    /// Docker's, with some more and some less (`--cap-add`, `--cap-drop`), by name without `CAP_`; `ALL` is all.
    Changed {
        /// Added.
        add: Vec<String>,
        /// Dropped, before `add`.
        drop: Vec<String>,
    },
    /// All.
    All,
}

/// Which system calls a process may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seccomp {
    /// Docker's profile.
    Default,
    /// All.
    Unconfined,
}

/// A resource limit, by the name docker uses (`nofile`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rlimit {
    /// The name.
    pub name: String,
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// An entry of `/etc/hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// The name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
}

/// A place put into the root file system.
#[derive(Debug)]
pub struct Mount {
    /// Absolute, resolved inside the root; made if missing, and then reported by
    /// [`crate::Running::created_mount_points`].
    pub target: PathBuf,
    /// What is put there.
    pub source: MountSource,
    /// True: no writes.
    pub read_only: bool,
}

/// What a mount shows.
#[derive(Debug)]
pub enum MountSource {
    /// A directory or file that the caller has prepared.
    Detached(DetachedMount),
    /// An empty tmpfs.
    Tmpfs {
        /// Its limit; the kernel's default where none is given.
        size_bytes: Option<u64>,
        /// Mode of its root.
        mode: u32,
    },
    /// A file of its own on a tmpfs with nodev, nosuid, noexec: a secret.
    Secret {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Its mode.
        mode: u32,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
    },
    /// A device of the host.
    Device(Device),
    /// A unix socket of the host (an SSH agent), reachable under the target with these rights.
    Socket {
        /// The socket on the host.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its owner.
        uid: u32,
        /// Its group.
        gid: u32,
    },
}

/// A device node that can be opened, unlike those of images and those that processes make.
#[derive(Debug)]
pub struct Device {
    /// The host's node as a detached mount, if there is one: in a user namespace it is what is shown, with the mode and
    /// the owner that it has. Else a node is made.
    pub node: Option<DetachedMount>,
    /// True for a block device, false for a character device.
    pub is_block: bool,
    /// Major and minor.
    pub numbers: (u32, u32),
    /// Its mode.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}
