//! Turns a [`Spec`] into a [`Plan`]: checks it, resolves names to numbers, and collects its descriptors.
//!
//! Everything that can be decided beforehand is decided here, in the caller's process: the text of `resolv.conf`, the
//! numbers of capabilities and limits, the compiled seccomp filter, the command line of pasta. The init only carries
//! the plan out. Invalid names and strings are refused here, before any process is started.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::os;
use crate::network::Network;
use crate::plan::{
    Fds, JoinPlan, Plan, PlannedDevice, PlannedMount, PlannedNetwork, PlannedProcess, PlannedSource,
    PlannedStdio, Rights, ShownUser,
};
use crate::spec::{Device, Mount, MountSource, Process, Seccomp, Spec, Stdio};
use crate::wire::Blob;
use crate::{SandboxError, capability_sets, etc, network, rlimits, seccomp};

/// Size of `/dev/shm` if the spec has none; docker's default.
const SHM_SIZE_BYTES: u64 = 64 << 20;

/// Read ends of the pipes to the process's stdout and stderr.
pub(crate) type Output = (File, File);

/// Rights of all processes of a sandbox, whatever their specs say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SandboxRights {
    /// True if all processes have all rights: [`Spec::insecure`].
    pub(crate) insecure: bool,
    /// True if the network is the one of the host in its restricted form: [`Network::HostRestricted`].
    pub(crate) has_restricted_network: bool,
    /// True if no program gets more rights than its caller has.
    pub(crate) no_new_privileges: bool,
}

impl SandboxRights {
    /// Returns the rights that processes of `spec` have.
    pub(crate) fn of(spec: &Spec) -> Self {
        let has_restricted_network = spec.network == Network::HostRestricted && !spec.insecure;
        let no_new_privileges = spec.boundary.no_new_privileges;
        Self { insecure: spec.insecure, has_restricted_network, no_new_privileges }
    }
}

/// Returns the plan for `spec`, the descriptors that travel with it, and the output pipes of [`Stdio::Piped`].
///
/// The guest enters its control groups through the files `cgroups`.
pub(crate) fn prepare(
    spec: Spec,
    cgroups: Vec<OwnedFd>,
) -> Result<(Plan, Fds, Option<Output>), SandboxError> {
    let rights = SandboxRights::of(&spec);
    let has_own_network = !matches!(spec.network, Network::Host | Network::HostRestricted);
    spec.boundary.check(has_own_network, !spec.host_ipc)?;
    let Spec { root, mounts, process, network, insecure, .. } = spec;
    let mut fds = Fds::default();
    let root = fds.add(root.into());
    let has_single_id = has_single_id(&process, rights);
    let (mut process, output) = planned_process(process, rights, &mut fds)?;
    process.has_init = spec.boundary.has_init;
    let plan = Plan {
        root,
        read_only_root: spec.read_only_root,
        mounts: mounts.into_iter().map(|mount| planned_mount(mount, has_single_id, &mut fds)).collect(),
        process,
        hosts: etc::hosts(&spec.hostname, &spec.hosts),
        resolv: etc::resolv_conf(&network, &spec.dns),
        network: planned_network(&network, &mut fds)?,
        hostname: spec.hostname,
        host_ipc: spec.host_ipc,
        cgroups: cgroups.into_iter().map(|file| fds.add(file)).collect(),
        shm_size_bytes: spec.shm_size_bytes.unwrap_or(SHM_SIZE_BYTES),
        insecure,
        read_only_etc: spec.read_only_etc,
        boundary: spec.boundary,
    };
    Ok((plan, fds, output))
}

/// Returns the plan for a further process in a running sandbox, as [`prepare`] does for the first one.
///
/// `namespaces` are the flags of `setns` for the namespaces that the sandbox has of its own.
pub(crate) fn prepare_join(
    process: Process,
    rights: SandboxRights,
    namespaces: i32,
    cgroups: Vec<OwnedFd>,
) -> Result<(JoinPlan, Fds, Option<Output>), SandboxError> {
    let mut fds = Fds::default();
    let (process, output) = planned_process(process, rights, &mut fds)?;
    let cgroups = cgroups.into_iter().map(|file| fds.add(file)).collect();
    Ok((JoinPlan { process, namespaces, cgroups }, fds, output))
}

/// Reports whether nothing can have another owner, so that everything belongs to root until the program sees it.
fn has_single_id(process: &Process, rights: SandboxRights) -> bool {
    process.seccomp == Seccomp::SingleId && !rights.insecure
}

fn planned_process(
    process: Process,
    rights: SandboxRights,
    fds: &mut Fds,
) -> Result<(PlannedProcess, Option<Output>), SandboxError> {
    check_strings(&process)?;
    let SandboxRights { insecure, has_restricted_network, no_new_privileges } = rights;
    let has_single_id = has_single_id(&process, rights);
    let (stdio, output) = planned_stdio(process.stdio, fds)?;
    let mut capabilities =
        if insecure { capability_sets::ALL } else { capability_sets::set(&process.capabilities)? };
    if has_restricted_network {
        capabilities &= !capability_sets::NET_RAW;
    }
    let (uid, gid) = (process.user.uid, process.user.gid);
    let shown_as = (has_single_id && (uid, gid) != (0, 0)).then_some(ShownUser { uid, gid });
    let planned = PlannedProcess {
        args: process.args,
        env: environment(process.env, &process.user.home),
        cwd: process.cwd,
        uid: if has_single_id { 0 } else { uid },
        gid: if has_single_id { 0 } else { gid },
        groups: if has_single_id { Vec::new() } else { process.user.groups },
        shown_as,
        capabilities,
        filter: filter(insecure, process.seccomp, capabilities),
        rlimits: process.rlimits.iter().map(rlimits::numbered).collect::<Result<_, _>>()?,
        stdio,
        scope_abstract_sockets: has_restricted_network,
        no_new_privileges,
        has_init: false,
    };
    Ok((planned, output))
}

fn check_strings(process: &Process) -> Result<(), SandboxError> {
    let invalid = |what: &'static str, value: &OsString| SandboxError::Invalid {
        what: what.into(),
        value: value.to_string_lossy().into_owned(),
    };
    if process.args.is_empty() {
        return Err(invalid("command", &OsString::new()));
    }
    if !process.cwd.is_absolute() {
        return Err(invalid("working directory", &process.cwd.clone().into_os_string()));
    }
    let args = process.args.iter().map(|arg| ("argument", arg));
    let mut strings = args.chain(process.env.iter().map(|entry| ("environment", entry)));
    match strings.find(|(_, value)| value.as_bytes().contains(&0)) {
        Some((what, value)) => Err(invalid(what, value)),
        None => Ok(()),
    }
}

/// Returns the seccomp filter, or an empty one for a process that may make all system calls.
fn filter(insecure: bool, mode: Seccomp, capabilities: u64) -> Blob {
    if insecure || mode == Seccomp::Unconfined {
        return Blob::default();
    }
    Blob(seccomp::program(capabilities, mode == Seccomp::SingleId))
}

/// Returns `env`, with the entry `HOME` appended if it has none.
fn environment(mut env: Vec<OsString>, home: &Path) -> Vec<OsString> {
    if !env.iter().any(|entry| entry.as_bytes().starts_with(b"HOME=")) {
        let mut entry = OsString::from("HOME=");
        entry.push(home);
        env.push(entry);
    }
    env
}

fn planned_stdio(stdio: Stdio, fds: &mut Fds) -> Result<(PlannedStdio, Option<Output>), SandboxError> {
    match stdio {
        Stdio::Terminal => Ok((PlannedStdio::Terminal, None)),
        Stdio::Files { stdin, stdout, stderr } => {
            Ok((PlannedStdio::Files(fds.add(stdin), fds.add(stdout), fds.add(stderr)), None))
        }
        Stdio::Piped => {
            let pipe =
                || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(os("make a pipe"));
            let ((stdout, stdout_writer), (stderr, stderr_writer)) = (pipe()?, pipe()?);
            let planned = PlannedStdio::Piped(fds.add(stdout_writer), fds.add(stderr_writer));
            Ok((planned, Some((stdout.into(), stderr.into()))))
        }
    }
}

fn planned_mount(mount: Mount, has_single_id: bool, fds: &mut Fds) -> PlannedMount {
    let rights = |mode, uid, gid| {
        if has_single_id { Rights { mode, uid: 0, gid: 0 } } else { Rights { mode, uid, gid } }
    };
    let source = match mount.source {
        MountSource::Detached(mount) => PlannedSource::Detached(fds.add(mount.into())),
        MountSource::Tmpfs { size_bytes, mode } => PlannedSource::Tmpfs { size_bytes, mode },
        MountSource::Secret { bytes, mode, uid, gid } => {
            PlannedSource::Secret(Blob(bytes), rights(mode, uid, gid))
        }
        MountSource::Socket { path, mode, uid, gid } => PlannedSource::Socket(path, rights(mode, uid, gid)),
        MountSource::Device(device) => {
            let rights = rights(device.mode, device.uid, device.gid);
            PlannedSource::Device(planned_device(device, rights, fds))
        }
    };
    PlannedMount { target: mount.target, source, read_only: mount.read_only }
}

fn planned_device(device: Device, rights: Rights, fds: &mut Fds) -> PlannedDevice {
    let Device { node, is_block, numbers: (major, minor), .. } = device;
    let node = node.map(|node| fds.add(node.into()));
    PlannedDevice { node, is_block, major, minor, rights }
}

fn planned_network(network: &Network, fds: &mut Fds) -> Result<PlannedNetwork, SandboxError> {
    match network {
        Network::Host | Network::HostRestricted => Ok(PlannedNetwork::Host),
        Network::None => Ok(PlannedNetwork::None),
        Network::Private { publish } => {
            Ok(PlannedNetwork::Private(network::command(publish)?, publish.clone()))
        }
        Network::Shared(shared) => {
            let netns = shared.netns().try_clone_to_owned().map_err(os("duplicate a descriptor"))?;
            Ok(PlannedNetwork::Shared(fds.add(netns)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(entries: &[&str]) -> Vec<OsString> {
        entries.iter().map(OsString::from).collect()
    }

    #[track_caller]
    fn check_environment(given: &[&str], expected: &[&str]) {
        assert_eq!(environment(env(given), Path::new("/root")), env(expected));
    }

    #[test]
    fn home_is_added_only_if_absent() {
        check_environment(&["A=1"], &["A=1", "HOME=/root"]);
        check_environment(&["HOME="], &["HOME="]);
        check_environment(&["HOMER=x"], &["HOMER=x", "HOME=/root"]);
    }
}
