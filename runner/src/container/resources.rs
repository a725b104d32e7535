//! The part of a container's document about limits on its resources, besides memory and processes.

use sandbox::Limits;
use serde::{Deserialize, Serialize};

use super::ContainerConfig;

/// Limits on all processes of a container together. Everything that is absent is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceConfig {
    /// --memory-swap: bytes of memory and swap together; [`u64::MAX`] for as much swap as there is.
    pub memory_and_swap_bytes: Option<u64>,
    /// --memory-reservation: bytes of memory that stay when memory gets scarce.
    pub memory_reservation_bytes: Option<u64>,
    /// --oom-kill-disable: whether processes wait for memory in place of being killed.
    pub oom_kill_disabled: bool,
    /// --cpus, --cpu-quota: microseconds of processor time in each period.
    pub cpu_quota_us: Option<u64>,
    /// --cpu-period: length of a period in microseconds.
    pub cpu_period_us: Option<u64>,
    /// --cpu-shares: weight among all who want processor time.
    pub cpu_shares: Option<u64>,
    /// --cpuset-cpus: processors, as in `0-3,7`.
    pub cpuset_cpus: Option<String>,
    /// --cpuset-mems: memory nodes.
    pub cpuset_mems: Option<String>,
    /// --blkio-weight: weight among all who use a disk, 10 to 1000.
    pub blkio_weight: Option<u64>,
    /// --cgroup-parent: control group in which the container gets its own.
    pub cgroup_parent: Option<String>,
}

impl ContainerConfig {
    /// Returns the limits on all processes of the container.
    pub fn limits(&self) -> Limits {
        let resources = self.resources.clone();
        Limits {
            memory_bytes: self.memory_bytes,
            memory_and_swap_bytes: resources.memory_and_swap_bytes,
            memory_reservation_bytes: resources.memory_reservation_bytes,
            oom_kill_disabled: resources.oom_kill_disabled,
            max_pids: self.max_pids,
            cpu_quota_us: resources.cpu_quota_us,
            cpu_period_us: resources.cpu_period_us,
            cpu_shares: resources.cpu_shares,
            cpuset_cpus: resources.cpuset_cpus,
            cpuset_mems: resources.cpuset_mems,
            blkio_weight: resources.blkio_weight,
            parent: resources.cgroup_parent,
            // For `stats` and `pause`.
            has_groups: true,
        }
    }
}
