//! Flags of docker's `run` that dsbuild knows and cannot honour. Each is an error that says why.

use clap::Args;

use crate::UsageError;

/// Flags that are refused.
#[derive(Debug, Default, Args)]
pub struct UnsupportedArgs {
    #[arg(long, hide = true)]
    blkio_weight_device: Vec<String>,
    #[arg(long, hide = true)]
    device_read_bps: Vec<String>,
    #[arg(long, hide = true)]
    device_read_iops: Vec<String>,
    #[arg(long, hide = true)]
    device_write_bps: Vec<String>,
    #[arg(long, hide = true)]
    device_write_iops: Vec<String>,
    #[arg(long, hide = true)]
    device_cgroup_rule: Vec<String>,
    #[arg(long, hide = true)]
    cpu_rt_period: Option<String>,
    #[arg(long, hide = true)]
    cpu_rt_runtime: Option<String>,
    #[arg(long, hide = true)]
    cpu_count: Option<String>,
    #[arg(long, hide = true)]
    cpu_percent: Option<String>,
    #[arg(long, hide = true)]
    io_maxbandwidth: Option<String>,
    #[arg(long, hide = true)]
    io_maxiops: Option<String>,
    #[arg(long, hide = true)]
    kernel_memory: Option<String>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    memory_swappiness: Option<String>,
    #[arg(long, hide = true)]
    storage_opt: Vec<String>,
    #[arg(long, hide = true)]
    isolation: Option<String>,
    #[arg(long, hide = true)]
    volume_driver: Option<String>,
    #[arg(long, hide = true)]
    annotation: Vec<String>,
    #[arg(long, hide = true)]
    link: Vec<String>,
    #[arg(long, hide = true)]
    link_local_ip: Vec<String>,
    #[arg(long, hide = true)]
    mac_address: Option<String>,
    #[arg(long, hide = true)]
    use_api_socket: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    disable_content_trust: Option<String>,
}

const NO_DISK_RATE: &str = "dsbuild limits no rates of single disks";
const NO_REAL_TIME: &str = "dsbuild gives containers no real-time processor time";
const WINDOWS: &str = "it exists on Windows only";

impl UnsupportedArgs {
    /// Refuses the first flag that was given.
    pub fn check(&self) -> Result<(), UsageError> {
        let is = |values: &Vec<String>| !values.is_empty();
        let other = |value: &Option<String>, known: &[&str]| {
            value.as_ref().is_some_and(|value| !known.contains(&value.as_str()))
        };
        let given = [
            ("--blkio-weight-device", is(&self.blkio_weight_device), NO_DISK_RATE),
            ("--device-read-bps", is(&self.device_read_bps), NO_DISK_RATE),
            ("--device-read-iops", is(&self.device_read_iops), NO_DISK_RATE),
            ("--device-write-bps", is(&self.device_write_bps), NO_DISK_RATE),
            ("--device-write-iops", is(&self.device_write_iops), NO_DISK_RATE),
            (
                "--device-cgroup-rule",
                is(&self.device_cgroup_rule),
                "nodes that a container makes cannot be opened: name the devices with --device",
            ),
            ("--cpu-rt-period", self.cpu_rt_period.is_some(), NO_REAL_TIME),
            ("--cpu-rt-runtime", self.cpu_rt_runtime.is_some(), NO_REAL_TIME),
            ("--cpu-count", self.cpu_count.is_some(), WINDOWS),
            ("--cpu-percent", self.cpu_percent.is_some(), WINDOWS),
            ("--io-maxbandwidth", self.io_maxbandwidth.is_some(), WINDOWS),
            ("--io-maxiops", self.io_maxiops.is_some(), WINDOWS),
            ("--kernel-memory", self.kernel_memory.is_some(), "kernels of today have no such limit"),
            (
                "--memory-swappiness",
                other(&self.memory_swappiness, &["-1"]),
                "control groups of version 2 have no such setting",
            ),
            ("--storage-opt", is(&self.storage_opt), "the store has no limits on single containers"),
            ("--isolation", other(&self.isolation, &["", "default"]), WINDOWS),
            ("--volume-driver", other(&self.volume_driver, &["", "local"]), "local is the only driver"),
            ("--annotation", is(&self.annotation), "no runtime reads annotations: use --label"),
            ("--link", is(&self.link), "links are outdated: use --network"),
            ("--link-local-ip", is(&self.link_local_ip), "addresses are given by the network"),
            ("--mac-address", self.mac_address.is_some(), "addresses are given by the network"),
            ("--use-api-socket", self.use_api_socket, "there is no daemon with an API"),
            (
                "--disable-content-trust=false",
                other(&self.disable_content_trust, &["true", "1"]),
                "dsbuild checks no signatures of Notary",
            ),
        ];
        match given.into_iter().find(|(_, is_given, _)| *is_given) {
            Some((flag, _, why)) => Err(UsageError::new(format!("{flag} cannot be honoured: {why}"))),
            None => Ok(()),
        }
    }
}
