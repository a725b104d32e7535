//! The part of a container's document about limits on its resources, besides memory and processes.

use serde::{Deserialize, Serialize};

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
    /// --cpuset-mems: memory nodes, as in `0-1`.
    pub cpuset_mems: Option<String>,
    /// --blkio-weight: weight among all who use a disk, 10 to 1000.
    pub blkio_weight: Option<u64>,
    /// --cgroup-parent: control group in which the container gets its own.
    pub cgroup_parent: Option<String>,
}
