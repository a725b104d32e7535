//! The isolation of a container as the sandbox takes it.

use std::path::{Path, PathBuf};

use sandbox::{Boundary, Capabilities, Dns, HostEntry, Rlimit, Seccomp, Spec};
use trees::id_map::IdMap;

use crate::container::{ContainerConfig, IsolationConfig, Ulimit};
use crate::{RunnerError, devices};

/// Directories with descriptions of devices. Source: cncf-tags/container-device-interface, SPEC.md.
const CDI_DIRS: [&str; 2] = ["/etc/cdi", "/var/run/cdi"];

/// Returns the capabilities that root processes of the container keep.
pub(crate) fn capabilities(config: &IsolationConfig) -> Capabilities {
    if config.privileged {
        return Capabilities::All;
    }
    if config.cap_add.is_empty() && config.cap_drop.is_empty() {
        return Capabilities::Default;
    }
    Capabilities::Changed { add: config.cap_add.clone(), drop: config.cap_drop.clone() }
}

/// Returns the system calls that processes of the container can make. Where there is one user ID, changes of owners and
/// users succeed without effect, as in the RUNs of a build.
pub(crate) fn seccomp(config: &IsolationConfig) -> Seccomp {
    if config.privileged || config.seccomp_unconfined {
        return Seccomp::Unconfined;
    }
    let has_single_id = IdMap::current().is_ok_and(|map| map.user_count() == 1);
    if has_single_id { Seccomp::SingleId } else { Seccomp::Default }
}

/// Returns the limits of each process of the container.
pub(crate) fn rlimits(config: &IsolationConfig) -> Vec<Rlimit> {
    let limit =
        |Ulimit { name, soft, hard }: &Ulimit| Rlimit { name: name.clone(), soft: *soft, hard: *hard };
    config.ulimits.iter().map(limit).collect()
}

/// Returns what the container shares with this machine.
pub(crate) fn boundary(config: &IsolationConfig) -> Boundary {
    Boundary {
        host_uts: config.host_uts,
        domainname: config.domainname.clone(),
        no_shm: config.no_shm,
        sysctls: config.sysctls.clone(),
        shows_system_paths: config.shows_system_paths,
        no_new_privileges: config.no_new_privileges,
        has_init: config.init,
        oom_score_adj: config.oom_score_adj,
    }
}

/// Returns the name servers of the container.
pub(crate) fn dns(config: &IsolationConfig) -> Dns {
    Dns {
        servers: config.dns.clone(),
        search: config.dns_search.clone(),
        options: config.dns_options.clone(),
    }
}

/// Returns the entries of `/etc/hosts` that the user has asked for.
pub(crate) fn hosts(config: &IsolationConfig) -> Vec<HostEntry> {
    let entry = |(name, address): &(String, _)| HostEntry { name: name.clone(), address: *address };
    config.hosts.iter().map(entry).collect()
}

/// Adds the devices of the container to its spec: nodes of this machine, and devices that vendors describe.
pub(crate) fn add_devices(config: &ContainerConfig, spec: &mut Spec) -> Result<(), RunnerError> {
    let isolation = &config.isolation;
    for node in &isolation.devices {
        spec.mounts.extend(devices::mounts(Path::new(&node.host), Path::new(&node.target))?);
    }
    if isolation.cdi_devices.is_empty() {
        return Ok(());
    }
    let inventory = cdi::Inventory::read(&CDI_DIRS.map(PathBuf::from));
    let requests: Vec<cdi::Request> =
        isolation.cdi_devices.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
    inventory.edits(requests.iter().map(|request| (request, true)), |_| {})?.apply(spec)?;
    Ok(())
}
