//! The limits of a container as the sandbox takes them.

use sandbox::Limits;

use super::ContainerConfig;

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
