//! Flags of `run` and `update` about limits on resources.

use clap::Args;

/// Limits on all processes of a container together.
#[derive(Debug, Default, Args)]
pub struct ResourceArgs {
    /// Memory that the processes of the container can use together
    #[arg(short, long, value_name = "BYTES")]
    pub memory: Option<String>,
    /// Memory and swap together, or -1 for as much swap as there is [default: no swap]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub memory_swap: Option<String>,
    /// Memory that stays with the container when memory gets scarce
    #[arg(long, value_name = "BYTES")]
    pub memory_reservation: Option<String>,
    /// Have processes wait for memory in place of being killed (control groups of version 1 only)
    #[arg(long)]
    pub oom_kill_disable: bool,
    /// Number of processors, such as 1.5
    #[arg(long, value_name = "N")]
    pub cpus: Option<String>,
    /// Weight among all who want processor time, 2 to 262144
    #[arg(short = 'c', long, value_name = "N")]
    pub cpu_shares: Option<u64>,
    /// Microseconds of processor time in each period
    #[arg(long, value_name = "MICROSECONDS", allow_hyphen_values = true)]
    pub cpu_quota: Option<i64>,
    /// Length of a period in microseconds [default: 100000]
    #[arg(long, value_name = "MICROSECONDS")]
    pub cpu_period: Option<u64>,
    /// Processors that can be used, such as 0-3,7
    #[arg(long, value_name = "LIST")]
    pub cpuset_cpus: Option<String>,
    /// Memory nodes that can be used
    #[arg(long, value_name = "LIST")]
    pub cpuset_mems: Option<String>,
    /// Weight among all who use a disk, 10 to 1000; 0 for the usual one
    #[arg(long, value_name = "N")]
    pub blkio_weight: Option<u64>,
    /// Number of processes and threads of the container [default: no limit]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub pids_limit: Option<i64>,
    /// Control group in which the container gets its own
    #[arg(long, value_name = "PATH")]
    pub cgroup_parent: Option<String>,
}
