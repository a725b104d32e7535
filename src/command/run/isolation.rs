//! Flags of `run` about isolation and limits, as the documents of a container have them.

use runner::container::{DeviceNode, IsolationConfig, NetworkMode, ResourceConfig, Ulimit};

use crate::failure::Failure;
use cli::UsageError;
use cli::container::{CreateArgs, IsolationArgs, ResourceArgs};
use cli::isolation::{self, DeviceRequest};
use cli::values;

/// Smallest and largest quota, weight and score that docker accepts.
const BLKIO_WEIGHTS: std::ops::RangeInclusive<u64> = 10..=1000;
const OOM_SCORES: std::ops::RangeInclusive<i32> = -1000..=1000;

/// Period that `--cpus` is part of, in microseconds.
const CPU_PERIOD_US: f64 = 100_000.0;

/// Reads the flags about isolation. A container in `network` can resolve `host-gateway` or not.
pub fn isolation(args: &CreateArgs, network: NetworkMode) -> Result<IsolationConfig, Failure> {
    args.unsupported.check()?;
    let flags = &args.isolation;
    check_namespaces(flags)?;
    let security = isolation::security_options(&flags.security_options)?;
    let mut cdi_devices = flags.gpus.as_deref().map(isolation::gpus).transpose()?.unwrap_or_default();
    cdi_devices.extend(flags.runtime.as_deref().map(isolation::runtime).transpose()?.unwrap_or_default());
    let mut devices = Vec::new();
    for text in &flags.devices {
        match isolation::device(text)? {
            DeviceRequest::Node(host, target) => devices.push(DeviceNode { host, target }),
            DeviceRequest::Cdi(name) => cdi_devices.push(name),
        }
    }
    cdi_devices.sort();
    cdi_devices.dedup();
    let gateway = (network == NetworkMode::Host).then_some(std::net::Ipv4Addr::LOCALHOST.into());
    let hosts = args.network.hosts.iter().map(|text| isolation::host(text, gateway));
    let ulimit = |text: &String| {
        isolation::ulimit(text).map(|isolation::Ulimit { name, soft, hard }| Ulimit { name, soft, hard })
    };
    Ok(IsolationConfig {
        privileged: flags.privileged,
        cap_add: flags.cap_add.clone(),
        cap_drop: flags.cap_drop.clone(),
        seccomp_unconfined: security.seccomp_unconfined,
        no_new_privileges: security.no_new_privileges,
        shows_system_paths: security.shows_system_paths,
        read_only: flags.read_only,
        ulimits: flags.ulimits.iter().map(ulimit).collect::<Result<_, _>>()?,
        sysctls: flags.sysctls.iter().map(|text| isolation::sysctl(text)).collect::<Result<_, _>>()?,
        groups: flags.groups.clone(),
        devices,
        cdi_devices,
        no_shm: flags.ipc == "none",
        host_uts: flags.uts == "host",
        domainname: args.network.domainname.clone(),
        init: flags.init,
        oom_score_adj: flags.oom_score_adj,
        hosts: hosts.collect::<Result<_, _>>()?,
        dns: args.network.dns.clone(),
        dns_search: args.network.dns_search.clone(),
        dns_options: args.network.dns_options.clone(),
    })
}

/// Refuses namespaces that a container cannot have.
fn check_namespaces(flags: &IsolationArgs) -> Result<(), UsageError> {
    let check = |flag: &str, value: &str, known: &[&str], why: &str| {
        if known.contains(&value) {
            return Ok(());
        }
        Err(UsageError::new(format!("{flag} {value:?} cannot be honoured: {why}")))
    };
    let ends = "the processes of a container end with it, because they have a PID namespace of their own";
    check("--pid", &flags.pid, &["", "private"], ends)?;
    let other = "the IPC of another container cannot be joined; use private, shareable, none or host";
    check("--ipc", &flags.ipc, &["", "private", "shareable", "none", "host"], other)?;
    check("--uts", &flags.uts, &["", "private", "host"], "the only modes are private and host")?;
    check("--userns", &flags.userns, &["", "host"], "containers have the user namespace of dsbuild")?;
    check("--cgroupns", &flags.cgroupns, &["", "private"], "a container sees its own control groups only")?;
    match flags.oom_score_adj {
        Some(score) if !OOM_SCORES.contains(&score) => {
            Err(UsageError::new(format!("--oom-score-adj {score} is not between -1000 and 1000")))
        }
        _ => Ok(()),
    }
}

/// Reads the flags about limits, besides those on memory and processes.
pub fn resources(flags: &ResourceArgs) -> Result<ResourceConfig, Failure> {
    let bytes = |text: &Option<String>, flag: &str| {
        text.as_deref().map(|text| values::size_bytes(text, flag)).transpose()
    };
    let memory_bytes = values::memory(flags.memory.as_deref())?;
    let memory_and_swap_bytes = match flags.memory_swap.as_deref() {
        None | Some("0") => None,
        Some("-1") => Some(sandbox::UNLIMITED),
        Some(text) => Some(values::size_bytes(text, "--memory-swap")?),
    };
    match (memory_and_swap_bytes, memory_bytes) {
        (Some(_), None) => return Err(Failure::usage("--memory-swap needs --memory")),
        (Some(total), Some(memory)) if total < memory => {
            return Err(Failure::usage("--memory-swap is less than --memory, which is part of it"));
        }
        _ => {}
    }
    let blkio_weight = flags.blkio_weight.filter(|weight| *weight != 0);
    if blkio_weight.is_some_and(|weight| !BLKIO_WEIGHTS.contains(&weight)) {
        return Err(Failure::usage("--blkio-weight is not between 10 and 1000"));
    }
    Ok(ResourceConfig {
        memory_and_swap_bytes,
        memory_reservation_bytes: bytes(&flags.memory_reservation, "--memory-reservation")?
            .filter(|n| *n > 0),
        oom_kill_disabled: flags.oom_kill_disable,
        cpu_quota_us: cpu_quota(flags)?,
        cpu_period_us: flags.cpu_period.filter(|us| *us > 0),
        cpu_shares: flags.cpu_shares.filter(|shares| *shares > 0),
        cpuset_cpus: flags.cpuset_cpus.clone().filter(|list| !list.is_empty()),
        cpuset_mems: flags.cpuset_mems.clone().filter(|list| !list.is_empty()),
        blkio_weight,
        cgroup_parent: flags.cgroup_parent.clone().filter(|path| !path.is_empty()),
    })
}

/// Returns the quota of `--cpus` or of `--cpu-quota`.
fn cpu_quota(flags: &ResourceArgs) -> Result<Option<u64>, Failure> {
    let quota = flags.cpu_quota.and_then(|us| u64::try_from(us).ok()).filter(|us| *us > 0);
    let Some(text) = flags.cpus.as_deref() else { return Ok(quota) };
    if quota.is_some() || flags.cpu_period.is_some_and(|us| us > 0) {
        return Err(Failure::usage("--cpus excludes --cpu-quota and --cpu-period"));
    }
    match text.parse::<f64>() {
        Ok(0.0) => Ok(None),
        Ok(number) if number >= 0.01 && number.is_finite() => Ok(Some((number * CPU_PERIOD_US) as u64)),
        _ => Err(Failure::usage(format!("--cpus {text:?} is no number of processors"))
            .hint("for example --cpus 1.5")),
    }
}
