//! Flags of `run` about isolation: what of this machine the container shares, and what its processes may do.

use clap::Args;

/// Isolation of a container from this machine.
#[derive(Debug, Default, Args)]
pub struct IsolationArgs {
    /// Give the container all capabilities, all system calls and all devices
    #[arg(long)]
    pub privileged: bool,
    /// Give root processes a capability, such as SYS_PTRACE, or ALL
    #[arg(long = "cap-add", value_name = "CAPABILITY")]
    pub cap_add: Vec<String>,
    /// Take a capability from root processes, or ALL
    #[arg(long = "cap-drop", value_name = "CAPABILITY")]
    pub cap_drop: Vec<String>,
    /// seccomp=unconfined, no-new-privileges, systempaths=unconfined, label=disable, apparmor=unconfined
    #[arg(long = "security-opt", value_name = "OPTION")]
    pub security_options: Vec<String>,
    /// Keep the files of the image from being changed
    #[arg(long)]
    pub read_only: bool,
    /// Limit of each process, such as nofile=1024:4096
    #[arg(long = "ulimit", value_name = "NAME=SOFT[:HARD]")]
    pub ulimits: Vec<String>,
    /// Kernel parameter of the container's own namespaces, such as net.core.somaxconn=1024
    #[arg(long = "sysctl", value_name = "NAME=VALUE")]
    pub sysctls: Vec<String>,
    /// Further group of the process, by name or number
    #[arg(long = "group-add", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Device of this machine: a node, or a name of the Container Device Interface
    #[arg(long = "device", value_name = "HOST[:CONTAINER]|VENDOR/CLASS=NAME")]
    pub devices: Vec<String>,
    /// GPUs that the container can use: all, a number, or device=NAME,NAME
    #[arg(long, value_name = "GPUS")]
    pub gpus: Option<String>,
    /// Runtime: nvidia stands for --gpus, and docker's runc for nothing
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<String>,
    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "BYTES")]
    pub shm_size: Option<String>,
    /// Shared memory and other IPC: private, shareable, none for no /dev/shm, or host for that of this machine
    #[arg(long, value_name = "MODE", default_value = "private")]
    pub ipc: String,
    /// PID namespace: only private, since the processes of a container end with it
    #[arg(long, value_name = "MODE", default_value = "private")]
    pub pid: String,
    /// Host name: private, or host for that of this machine
    #[arg(long, value_name = "MODE", default_value = "private")]
    pub uts: String,
    /// User namespace: only host, that of dsbuild
    #[arg(long, value_name = "MODE", default_value = "host")]
    pub userns: String,
    /// View of the control groups: only private
    #[arg(long, value_name = "MODE", default_value = "private")]
    pub cgroupns: String,
    /// Run a small init as the first process, which reaps orphans and forwards signals
    #[arg(long)]
    pub init: bool,
    /// Preference of the kernel for killing the processes when memory runs out, -1000 to 1000
    #[arg(long, value_name = "SCORE", allow_hyphen_values = true)]
    pub oom_score_adj: Option<i32>,
}
