//! How many containers a service has, and the resources that they can use.

use serde::{Deserialize, Serialize};

use super::keys;
use super::values::{self, Bytes, Pairs, Span};

keys! {
    /// The key `deploy` of a service.
    pub struct Deploy {
        /// Mode of a cluster: `replicated` or `global`.
        pub mode: String,
        /// Number of containers that run at once.
        #[serde(deserialize_with = "values::optional_integer")]
        pub replicas: Option<i64>,
        /// Labels of the service, not of its containers.
        pub labels: Pairs,
        /// How a cluster replaces containers.
        pub update_config: Option<Update>,
        /// How a cluster returns to the former containers.
        pub rollback_config: Option<Update>,
        /// Resources that a container can use.
        pub resources: Resources,
        /// When a container is started again.
        pub restart_policy: Option<RestartPolicy>,
        /// Machines on which the containers run.
        pub placement: Placement,
        /// How clients find the service: `vip` or `dnsrr`.
        pub endpoint_mode: String,
    }
}

keys! {
    /// How the containers of a service are replaced.
    pub struct Update {
        /// Number of containers that are replaced at once.
        #[serde(deserialize_with = "values::optional_integer")]
        pub parallelism: Option<i64>,
        /// Time between two groups of containers.
        pub delay: Span,
        /// Action after a failure: `continue`, `pause` or `rollback`.
        pub failure_action: String,
        /// Time in which a new container is watched.
        pub monitor: Span,
        /// Share of failures that is tolerated, from 0 to 1.
        #[serde(deserialize_with = "values::decimal")]
        pub max_failure_ratio: f32,
        /// Order of start and stop: `start-first` or `stop-first`.
        pub order: String,
    }
}

keys! {
    /// Resources of a container.
    pub struct Resources {
        /// Resources that it can use at most.
        pub limits: Option<Limits>,
        /// Resources that it needs.
        pub reservations: Option<Limits>,
    }
}

keys! {
    /// Amounts of resources that a container gets or needs.
    pub struct Limits {
        /// Number of processors, with a fraction.
        #[serde(deserialize_with = "values::decimal")]
        pub cpus: f32,
        /// Memory of all processes together.
        pub memory: Bytes,
        /// Number of processes and threads.
        #[serde(deserialize_with = "values::integer")]
        pub pids: i64,
        /// Devices such as GPUs.
        pub devices: Vec<DeviceRequest>,
        /// Resources that a cluster counts.
        pub generic_resources: Vec<GenericResource>,
    }
}

keys! {
    /// Request for devices by what they can do.
    pub struct DeviceRequest {
        /// Abilities that the devices must have, such as `gpu`.
        pub capabilities: Vec<String>,
        /// Name of the driver, such as `nvidia`.
        pub driver: String,
        /// Number of devices; -1 for all of them, 0 if IDs are given.
        #[serde(deserialize_with = "values::count")]
        pub count: i64,
        /// IDs of the devices.
        pub device_ids: Vec<String>,
        /// Options of the driver.
        pub options: Pairs,
    }
}

keys! {
    /// Resource that a cluster counts.
    pub struct GenericResource {
        /// Name and number of the resource.
        pub discrete_resource_spec: Option<DiscreteResource>,
    }
}

/// Name and number of a resource that a cluster counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiscreteResource {
    /// Name of the resource.
    pub kind: String,
    /// Number of pieces that the container needs.
    #[serde(deserialize_with = "values::integer")]
    pub value: i64,
}

keys! {
    /// When a container is started again.
    pub struct RestartPolicy {
        /// `none`, `on-failure` or `any`.
        pub condition: String,
        /// Time before the next start.
        pub delay: Option<Span>,
        /// Number of starts after which it stays down.
        #[serde(deserialize_with = "values::optional_integer")]
        pub max_attempts: Option<i64>,
        /// Time after which a start has succeeded.
        pub window: Option<Span>,
    }
}

keys! {
    /// Machines on which containers run.
    pub struct Placement {
        /// Conditions that a machine must meet.
        pub constraints: Vec<String>,
        /// Conditions that are preferred.
        pub preferences: Vec<Preference>,
        /// Largest number of containers on one machine.
        #[serde(deserialize_with = "values::integer")]
        pub max_replicas_per_node: i64,
    }
}

keys! {
    /// Label of machines over which containers are spread.
    pub struct Preference {
        /// Name of the label.
        pub spread: String,
    }
}
