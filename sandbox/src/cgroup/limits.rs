//! The limits on a sandbox, and the files of control groups that stand for them in both versions.

use super::hierarchy::Controller::{self, BlockIo, Cpu, Cpuset, Memory, Pids};
use super::hierarchy::Version;
use crate::SandboxError;

/// Value of a limit that stands for no limit at all, for lifting one with [`super::ControlGroups::update`].
pub const UNLIMITED: u64 = u64::MAX;

/// Period of the processor time that a quota is part of, in microseconds, if only the quota is given; the kernel's.
const DEFAULT_CPU_PERIOD_US: u64 = 100_000;

/// Limits on the resources of all processes of a sandbox together. Everything that is absent is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// --memory: bytes of memory.
    pub memory_bytes: Option<u64>,
    /// --memory-swap: bytes of memory and swap together; `memory_bytes` if absent, so that there is no swap.
    pub memory_and_swap_bytes: Option<u64>,
    /// --memory-reservation: bytes of memory that the kernel leaves to the processes when memory gets scarce.
    pub memory_reservation_bytes: Option<u64>,
    /// --oom-kill-disable: true if processes wait for memory in place of being killed. Version 1 only.
    pub oom_kill_disabled: bool,
    /// --pids-limit: number of processes and threads.
    pub max_pids: Option<u64>,
    /// --cpu-quota, and what --cpus stands for: microseconds of processor time in each period.
    pub cpu_quota_us: Option<u64>,
    /// --cpu-period: length of a period in microseconds; 100,000 if absent.
    pub cpu_period_us: Option<u64>,
    /// --cpu-shares: weight among the groups that want processor time, 2 to 262144; 1024 is usual.
    pub cpu_shares: Option<u64>,
    /// --cpuset-cpus: processors, as in `0-3,7`.
    pub cpuset_cpus: Option<String>,
    /// --cpuset-mems: memory nodes, as in `0,1`.
    pub cpuset_mems: Option<String>,
    /// --blkio-weight: weight among the groups that use a disk, 10 to 1000.
    pub blkio_weight: Option<u64>,
    /// --cgroup-parent: path of the group, below the root of each hierarchy, in which the sandbox gets its groups.
    pub parent: Option<String>,
    /// True if the sandbox gets groups without a limit, too, where this machine allows it: for statistics and freezing.
    pub has_groups: bool,
}

/// A value to write into a file of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) controller: Controller,
    /// Names of the file, of which the first that exists is meant.
    pub(super) files: &'static [&'static str],
    pub(super) value: String,
    /// True if a kernel without the file enforces the limit all the same.
    pub(super) is_optional: bool,
}

impl Limits {
    /// Reports whether nothing is limited.
    pub(super) fn is_empty(&self) -> bool {
        let Self { parent: _, has_groups: _, .. } = self;
        *self == Self { parent: self.parent.clone(), has_groups: self.has_groups, ..Self::default() }
    }

    /// Returns the settings for groups of a version. A limit that the version does not have is an error.
    pub(super) fn settings(&self, version: Version) -> Result<Vec<Setting>, SandboxError> {
        let set = |controller, files, value: String| Setting { controller, files, value, is_optional: false };
        let optional =
            |controller, files, value| Setting { is_optional: true, ..set(controller, files, value) };
        let number =
            |value: u64| if value == UNLIMITED { version.unlimited().to_owned() } else { value.to_string() };
        let is_first = version == Version::One;
        let pick =
            |one: &'static [&'static str], two: &'static [&'static str]| if is_first { one } else { two };
        let mut settings = Vec::new();
        if let Some(bytes) = self.memory_bytes {
            settings.push(set(Memory, pick(&["memory.limit_in_bytes"], &["memory.max"]), number(bytes)));
        }
        if let Some(total) = self.memory_and_swap_bytes.or(self.memory_bytes) {
            let swap = if is_first { total } else { self.swap_alone(total) };
            // Kernels without swap accounting lack the file.
            let files = pick(&["memory.memsw.limit_in_bytes"], &["memory.swap.max"]);
            settings.push(optional(Memory, files, number(swap)));
        }
        if let Some(bytes) = self.memory_reservation_bytes {
            let files = pick(&["memory.soft_limit_in_bytes"], &["memory.low"]);
            settings.push(set(Memory, files, number(bytes)));
        }
        if self.oom_kill_disabled {
            if !is_first {
                return Err(SandboxError::Unavailable {
                    what: "the kernel cannot be kept from killing processes when memory runs out".into(),
                    hint: "control groups of version 2 have no such setting: run without --oom-kill-disable"
                        .into(),
                });
            }
            settings.push(set(Memory, &["memory.oom_control"], "1".into()));
        }
        if let Some(max) = self.max_pids {
            let max = if max == UNLIMITED { "max".to_owned() } else { max.to_string() };
            settings.push(set(Pids, &["pids.max"], max));
        }
        settings.extend(self.cpu_settings(version, &number));
        for (files, value) in [
            (&["cpuset.cpus"] as &'static [&'static str], &self.cpuset_cpus),
            (&["cpuset.mems"], &self.cpuset_mems),
        ] {
            settings.extend(value.iter().map(|value| set(Cpuset, files, value.clone())));
        }
        if let Some(weight) = self.blkio_weight {
            let files = pick(&["blkio.bfq.weight", "blkio.weight"], &["io.bfq.weight", "io.weight"]);
            settings.push(set(BlockIo, files, weight.to_string()));
        }
        Ok(settings)
    }

    fn cpu_settings(&self, version: Version, number: &dyn Fn(u64) -> String) -> Vec<Setting> {
        let set = |files, value| Setting { controller: Cpu, files, value, is_optional: false };
        let mut settings = Vec::new();
        match version {
            Version::One => {
                let period = self.cpu_period_us.map(|us| set(&["cpu.cfs_period_us"], us.to_string()));
                let quota = self.cpu_quota_us.map(|us| set(&["cpu.cfs_quota_us"], number(us)));
                let shares = self.cpu_shares.map(|shares| set(&["cpu.shares"], shares.to_string()));
                settings.extend(period.into_iter().chain(quota).chain(shares));
            }
            Version::Two => {
                if self.cpu_quota_us.is_some() || self.cpu_period_us.is_some() {
                    let quota = number(self.cpu_quota_us.unwrap_or(UNLIMITED));
                    let period = self.cpu_period_us.unwrap_or(DEFAULT_CPU_PERIOD_US);
                    settings.push(set(&["cpu.max"], format!("{quota} {period}")));
                }
                let weight = self.cpu_shares.map(|shares| set(&["cpu.weight"], weight(shares).to_string()));
                settings.extend(weight);
            }
        }
        settings
    }

    /// Returns the part of `total` that is swap, which version 2 counts apart from memory.
    fn swap_alone(&self, total: u64) -> u64 {
        match total {
            UNLIMITED => UNLIMITED,
            total => total.saturating_sub(self.memory_bytes.unwrap_or(total)),
        }
    }
}

/// Returns the weight of version 2, 1 to 10,000, for shares of version 1.
///
/// Source: OCI runtime-spec and crun, "cgroup v2".
fn weight(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9_999 / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(limits: &Limits, version: Version) -> Vec<String> {
        let settings = limits.settings(version).expect("the version has these limits");
        settings.iter().map(|one| format!("{}={}", one.files[0], one.value)).collect()
    }

    #[track_caller]
    fn check(limits: &Limits, one: &[&str], two: &[&str]) {
        assert_eq!(written(limits, Version::One), one);
        assert_eq!(written(limits, Version::Two), two);
    }

    #[test]
    fn memory_has_no_swap_unless_it_is_given() {
        let mut limits = Limits { memory_bytes: Some(100), ..Limits::default() };
        check(
            &limits,
            &["memory.limit_in_bytes=100", "memory.memsw.limit_in_bytes=100"],
            &["memory.max=100", "memory.swap.max=0"],
        );
        limits.memory_and_swap_bytes = Some(150);
        check(
            &limits,
            &["memory.limit_in_bytes=100", "memory.memsw.limit_in_bytes=150"],
            &["memory.max=100", "memory.swap.max=50"],
        );
        limits.memory_and_swap_bytes = Some(UNLIMITED);
        check(
            &limits,
            &["memory.limit_in_bytes=100", "memory.memsw.limit_in_bytes=-1"],
            &["memory.max=100", "memory.swap.max=max"],
        );
    }

    #[test]
    fn processors_are_limited_by_a_quota_of_a_period() {
        let limits = Limits { cpu_quota_us: Some(150_000), cpu_shares: Some(1024), ..Limits::default() };
        check(
            &limits,
            &["cpu.cfs_quota_us=150000", "cpu.shares=1024"],
            &["cpu.max=150000 100000", "cpu.weight=39"],
        );
        assert_eq!([2, 262_144].map(weight), [1, 10_000]);
    }

    #[test]
    fn processors_processes_and_disks_have_files_of_their_own() {
        let limits = Limits {
            cpuset_cpus: Some("0-1".into()),
            max_pids: Some(UNLIMITED),
            blkio_weight: Some(300),
            ..Limits::default()
        };
        check(
            &limits,
            &["pids.max=max", "cpuset.cpus=0-1", "blkio.bfq.weight=300"],
            &["pids.max=max", "cpuset.cpus=0-1", "io.bfq.weight=300"],
        );
    }

    #[test]
    fn a_limit_that_a_version_lacks_is_an_error() {
        let limits = Limits { oom_kill_disabled: true, ..Limits::default() };
        assert_eq!(written(&limits, Version::One), ["memory.oom_control=1"]);
        assert!(limits.settings(Version::Two).is_err());
    }
}
