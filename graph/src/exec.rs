//! Operations that run a process.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::InputIndex;

/// A process, its root file system and everything it can see.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exec {
    /// Program and its arguments.
    pub args: Vec<String>,
    /// Environment as `NAME=value`, in order; PATH is always present.
    pub env: Vec<String>,
    /// Proxy variables as `NAME=value`, which are not part of the key.
    #[serde(skip)]
    pub proxy_env: Vec<String>,
    /// Working directory, absolute inside the root.
    pub cwd: String,
    /// User as written by USER. It is resolved against the root's `/etc/passwd` when the process starts.
    pub user: String,
    /// Host name that the process sees.
    pub hostname: String,
    /// Additional entries of `/etc/hosts`, in order. Addresses are not part of the key; a name may have several.
    pub hosts: Vec<(String, SkippedInKey<IpAddr>)>,
    /// Input that holds the root file system, or `None` for an empty one.
    pub root: Option<InputIndex>,
    /// Mounts, in the order of the instruction.
    pub mounts: Vec<ExecMount>,
    /// Secrets that the process gets as environment variables.
    pub secret_env: Vec<SecretEnv>,
    /// Network that the process is connected to.
    pub network: NetworkMode,
    /// Privileges of the process (`RUN --security`).
    pub security: SecurityMode,
    /// Size of `/dev/shm` in bytes (`--shm-size`), or `None` for the default of 64 MiB.
    pub shm_size_bytes: Option<u64>,
    /// Resource limits of the process (`--ulimit`).
    pub ulimits: Vec<Ulimit>,
    /// Devices of the machine (`RUN --device`).
    pub devices: Vec<DeviceRequest>,
}

/// A resource limit of a process, as `--ulimit nofile=1024:2048` sets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ulimit {
    /// Name without `RLIMIT_`, in lower case, such as `nofile`.
    pub name: String,
    /// Limit that is in force; the process may raise it up to `hard`. `u64::MAX` is unlimited.
    pub soft: u64,
    /// Upper bound of the soft limit. `u64::MAX` is unlimited.
    pub hard: u64,
}

/// A device of the machine that a process asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRequest {
    /// Name in CDI's form `vendor/class=name`, such as `nvidia.com/gpu=all`.
    pub name: String,
    /// True if the step fails where the device does not exist.
    pub required: bool,
}

/// Devices that RUNs may use in addition to devices whose vendor allows them to all builds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedDevices {
    /// True if all devices are allowed (`--allow device`).
    pub all: bool,
    /// Names of allowed devices (`--allow device=NAME`).
    pub names: Vec<String>,
    /// Device by alias (`--allow device=NAME,alias=ALIAS`): a RUN that asks for the alias gets the device.
    pub aliases: BTreeMap<String, String>,
}

/// A value that is not part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedInKey<T>(pub T);

impl<T> Serialize for SkippedInKey<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// A secret that the process gets as an environment variable. Its value is not part of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretEnv {
    /// Name of the environment variable.
    pub variable: String,
    /// Id of the secret, as in `--secret id=ID`.
    pub id: String,
    /// True if the step fails without the secret; otherwise the variable is empty.
    pub required: bool,
}

/// A mount that the process finds in its root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExecMount {
    /// Absolute path of the mount point inside the root.
    pub target: String,
    /// True if the process cannot write to the mount.
    pub read_only: bool,
    /// Type of the mount, with its options.
    pub kind: MountKind,
}

/// Types of mounts, as in `RUN --mount=type=…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountKind {
    /// Files of another step. Writes are discarded. The content key covers the files that are visible.
    Bind {
        /// Input whose files are mounted, or `None` for an empty directory.
        from: Option<InputIndex>,
        /// Path of the mounted file or directory inside that input.
        #[serde(skip)]
        source: String,
    },
    /// A directory that survives the build.
    Cache {
        /// Id of the cache, including its namespace.
        #[serde(skip)]
        id: String,
        /// Rule for steps that use the cache at the same time.
        #[serde(skip)]
        sharing: CacheSharing,
        /// Input whose files a new cache starts with, or `None` to start empty.
        from: Option<InputIndex>,
        /// Path inside that input.
        source: String,
        /// Mode of the cache's root directory, or `None` for 0755.
        mode: Option<u32>,
        /// Owner of the cache's root directory, or `None` for root.
        uid: Option<u32>,
        /// Group of the cache's root directory, or `None` for root.
        gid: Option<u32>,
    },
    /// An empty directory in memory.
    Tmpfs {
        /// Size limit in bytes, or `None` for the kernel's default.
        size_bytes: Option<u64>,
    },
    /// A secret as a file.
    Secret {
        /// Id of the secret, as in `--secret id=ID`.
        id: String,
        /// Permission bits of the file.
        mode: u32,
        /// Owner of the file.
        uid: u32,
        /// Group of the file.
        gid: u32,
        /// True if the step fails without the secret; otherwise there is no mount.
        required: bool,
    },
    /// The socket of an SSH agent.
    Ssh {
        /// Id of the agent, as in `--ssh ID`.
        id: String,
        /// Permission bits of the socket.
        mode: u32,
        /// Owner of the socket.
        uid: u32,
        /// Group of the socket.
        gid: u32,
        /// True if the step fails without the agent; otherwise there is no mount.
        required: bool,
    },
    /// A script with mode 0755: the heredoc of a RUN that begins with `#!`. Always read-only.
    Script {
        /// Text of the script.
        content: String,
    },
}

/// How steps that use the same cache mount at the same time share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheSharing {
    /// Any number of steps use the directory at once.
    Shared,
    /// Each step has a directory of its own; a further one is created while all are in use.
    Private,
    /// One step at a time; others wait.
    Locked,
}

/// Network of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// A network of the build, apart from the machine's.
    #[default]
    Default,
    /// The network of the machine (`--allow network.host`).
    Host,
    /// Loopback interface only, without any connection.
    None,
}

/// Privileges of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecurityMode {
    /// Docker's default capabilities and seccomp filter.
    #[default]
    Sandbox,
    /// All capabilities and no filter (`--allow security.insecure`).
    Insecure,
}
