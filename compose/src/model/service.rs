//! A service: an image or a build, and how its containers run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::build::{Build, Hook, Trigger};
use super::container::{
    Blkio, CredentialSpec, Dependency, HealthCheck, Logging, ModelUse, NetworkUse, Port, Provider,
};
use super::deploy::{Deploy, DeviceRequest};
use super::keys;
use super::mounts::{Device, EnvFile, FileMount, Mount};
use super::values::{self, Bytes, Command, Environment, Hosts, Pairs, Span, Ulimit};

keys! {
    /// A service of a project. A key that is absent has the default of its type.
    pub struct Service {
        /// Profiles that start the service; it always starts if there are none.
        pub profiles: Vec<String>,
        /// Annotations of the containers.
        pub annotations: Pairs,
        /// Whether `up` shows the output of the service; yes if absent.
        #[serde(deserialize_with = "values::optional_flag")]
        pub attach: Option<bool>,
        /// How the image is built; the image is only pulled if absent.
        pub build: Option<Build>,
        /// Rules for `compose watch`.
        pub develop: Option<Develop>,
        /// Limits on block devices.
        pub blkio_config: Option<Blkio>,
        /// Capabilities that are added.
        pub cap_add: Vec<String>,
        /// Capabilities that are dropped.
        pub cap_drop: Vec<String>,
        /// Parent of the control group.
        pub cgroup_parent: String,
        /// Namespace of control groups: `host` or `private`.
        pub cgroup: String,
        /// Number of processors, on Windows.
        #[serde(deserialize_with = "values::integer")]
        pub cpu_count: i64,
        /// Percentage of all processors, on Windows.
        #[serde(deserialize_with = "values::decimal")]
        pub cpu_percent: f32,
        /// Length of a scheduling period in microseconds.
        #[serde(deserialize_with = "values::integer")]
        pub cpu_period: i64,
        /// Processor time in each period in microseconds.
        #[serde(deserialize_with = "values::integer")]
        pub cpu_quota: i64,
        /// Length of a real-time period in microseconds.
        #[serde(deserialize_with = "values::integer")]
        pub cpu_rt_period: i64,
        /// Real-time processor time in each period in microseconds.
        #[serde(deserialize_with = "values::integer")]
        pub cpu_rt_runtime: i64,
        /// Number of processors, with a fraction.
        #[serde(deserialize_with = "values::decimal")]
        pub cpus: f32,
        /// Processors that can be used, such as `0-3`.
        pub cpuset: String,
        /// Share of the processors, relative to other containers.
        #[serde(deserialize_with = "values::integer")]
        pub cpu_shares: i64,
        /// Arguments in place of those of the image; an empty list removes them.
        pub command: Option<Command>,
        /// Configs that appear as files.
        pub configs: Vec<FileMount>,
        /// Name of the container; made of project, service and number if empty.
        pub container_name: String,
        /// Credentials of a managed account on Windows.
        pub credential_spec: Option<CredentialSpec>,
        /// Services that must start first.
        pub depends_on: BTreeMap<String, Dependency>,
        /// Number of containers, resources, restarts.
        pub deploy: Option<Deploy>,
        /// Rules for devices, such as `c 1:3 mr`.
        pub device_cgroup_rules: Vec<String>,
        /// Devices of the machine.
        pub devices: Vec<Device>,
        /// Name servers of the containers.
        #[serde(deserialize_with = "values::texts")]
        pub dns: Vec<String>,
        /// Options of the resolver.
        pub dns_opt: Vec<String>,
        /// Search domains of the resolver.
        #[serde(deserialize_with = "values::texts")]
        pub dns_search: Vec<String>,
        /// Domain name of the containers.
        pub domainname: String,
        /// Program in place of that of the image; an empty list removes it.
        pub entrypoint: Option<Command>,
        /// Program that provides the service in place of a container.
        pub provider: Option<Provider>,
        /// Variables of the process.
        pub environment: Environment,
        /// Files that variables come from; empty once they were read.
        pub env_file: Vec<EnvFile>,
        /// Ports that other services can reach, for people.
        #[serde(deserialize_with = "values::texts")]
        pub expose: Vec<String>,
        /// Service that is extended; only an extended service without keys leaves it here.
        pub extends: Option<Extends>,
        /// Containers outside of the project that the service reaches by name.
        pub external_links: Vec<String>,
        /// Further hosts in /etc/hosts.
        pub extra_hosts: Hosts,
        /// Supplementary groups of the process.
        #[serde(deserialize_with = "values::texts")]
        pub group_add: Vec<String>,
        /// GPUs of the containers.
        pub gpus: Vec<DeviceRequest>,
        /// Host name of the containers.
        pub hostname: String,
        /// Test that says whether the process works.
        pub healthcheck: Option<HealthCheck>,
        /// Image of the containers, and name of the image that is built.
        pub image: String,
        /// Whether an init process runs first; that of the engine's configuration if absent.
        #[serde(deserialize_with = "values::optional_flag")]
        pub init: Option<bool>,
        /// IPC namespace, such as `host`, `shareable` or `service:NAME`.
        pub ipc: String,
        /// Isolation technology of Windows.
        pub isolation: String,
        /// Labels of the containers.
        pub labels: Pairs,
        /// Files that labels come from; empty once they were read.
        pub label_file: Vec<String>,
        /// Services that can be reached by name or `NAME:ALIAS`.
        pub links: Vec<String>,
        /// Where the output goes.
        pub logging: Option<Logging>,
        /// Memory that the processes can use.
        pub mem_limit: Bytes,
        /// Memory that is reserved.
        pub mem_reservation: Bytes,
        /// Memory and swap together; -1 for any amount of swap.
        pub memswap_limit: Bytes,
        /// Readiness to swap, from 0 to 100.
        pub mem_swappiness: Bytes,
        /// Fixed MAC address of the container.
        pub mac_address: String,
        /// Language models that the service uses.
        pub models: BTreeMap<String, Option<ModelUse>>,
        /// `host`, `none`, `service:NAME` or `container:NAME` in place of networks.
        pub network_mode: String,
        /// Networks with their options.
        pub networks: BTreeMap<String, Option<NetworkUse>>,
        /// Whether the kernel does not kill the processes for lack of memory.
        #[serde(deserialize_with = "values::flag")]
        pub oom_kill_disable: bool,
        /// Preference for being killed for lack of memory, from -1000 to 1000.
        #[serde(deserialize_with = "values::integer")]
        pub oom_score_adj: i64,
        /// PID namespace, such as `host` or `service:NAME`.
        #[serde(deserialize_with = "values::text")]
        pub pid: String,
        /// Number of processes and threads; -1 for any number.
        #[serde(deserialize_with = "values::integer")]
        pub pids_limit: i64,
        /// Platform of the image, such as `linux/arm64`.
        pub platform: String,
        /// Ports that can be reached on the machine.
        pub ports: Vec<Port>,
        /// Whether the processes have extended privileges.
        #[serde(deserialize_with = "values::flag")]
        pub privileged: bool,
        /// When the image is pulled or built: `always`, `never`, `missing`, `build`, `daily`, `weekly`, `every_12h`.
        pub pull_policy: String,
        /// Whether the root file system is read-only.
        #[serde(deserialize_with = "values::flag")]
        pub read_only: bool,
        /// `no`, `always`, `on-failure[:N]` or `unless-stopped`.
        pub restart: String,
        /// Name of the runtime, such as `nvidia`.
        pub runtime: String,
        /// Number of containers that run at once.
        #[serde(deserialize_with = "values::optional_integer")]
        pub scale: Option<i64>,
        /// Secrets that appear as files.
        pub secrets: Vec<FileMount>,
        /// Options such as `seccomp=unconfined`.
        pub security_opt: Vec<String>,
        /// Size of /dev/shm in the containers.
        pub shm_size: Bytes,
        /// Whether stdin stays open.
        #[serde(deserialize_with = "values::flag")]
        pub stdin_open: bool,
        /// Time between the stop signal and SIGKILL.
        pub stop_grace_period: Option<Span>,
        /// Signal that stops the process.
        pub stop_signal: String,
        /// Options of the storage driver.
        pub storage_opt: Pairs,
        /// Kernel parameters of the containers.
        pub sysctls: Pairs,
        /// File systems in memory: `PATH[:OPTIONS]`.
        #[serde(deserialize_with = "values::texts")]
        pub tmpfs: Vec<String>,
        /// Whether the process has a terminal.
        #[serde(deserialize_with = "values::flag")]
        pub tty: bool,
        /// Limits on the processes.
        pub ulimits: BTreeMap<String, Ulimit>,
        /// Whether the process can use the API of the engine.
        pub use_api_socket: bool,
        /// User and group of the process.
        pub user: String,
        /// User namespace: `host` or empty.
        pub userns_mode: String,
        /// UTS namespace: `host` or empty.
        pub uts: String,
        /// Mounts of the containers.
        pub volumes: Vec<Mount>,
        /// Services or containers whose mounts are taken over.
        pub volumes_from: Vec<String>,
        /// Working directory of the process.
        pub working_dir: String,
        /// Commands that run in containers of their own before the service starts.
        pub pre_start: Vec<Hook>,
        /// Commands that run in the container after its start.
        pub post_start: Vec<Hook>,
        /// Commands that run in the container before its stop.
        pub pre_stop: Vec<Hook>,
    }
}

/// Service whose keys another one takes over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extends {
    /// Absolute path of the file with the service; the same file if empty.
    #[serde(skip_serializing_if = "super::is_default")]
    pub file: String,
    /// Name of the service.
    pub service: String,
}

/// Rules for `compose watch`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Develop {
    /// Rules in the order of the file.
    pub watch: Vec<Trigger>,
}

impl Service {
    /// Returns the number of containers that the service has.
    pub fn scale(&self) -> i64 {
        self.scale.or_else(|| self.deploy.as_ref()?.replicas).unwrap_or(1)
    }

    /// Reports whether one of the profiles starts the service; `*` stands for all.
    pub fn has_profile(&self, profiles: &[String]) -> bool {
        self.profiles.is_empty() || profiles.iter().any(|one| one == "*" || self.profiles.contains(one))
    }
}
