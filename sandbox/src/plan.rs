//! A [`Spec`] made ready for the init: checked, its names turned into numbers, its descriptors put into a list.
//!
//! What needs the host (its `resolv.conf`, the names of capabilities, the compiled seccomp filter) is settled here, in
//! the caller's process, so that the init only carries out.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::os;
use crate::spec::{Mount, MountSource, Network, Process, Rlimit, Spec, Stdio};
use crate::wire::{Blob, Reader, Wire, wire_struct};
use crate::{SandboxError, capability_sets, etc, network, seccomp};

/// Size of `/dev/shm` where none is asked for, as docker has it.
const SHM_SIZE_BYTES: u64 = 64 << 20;

/// Where a descriptor is in the list that travels with the plan.
pub(crate) type FdIndex = u32;

/// All that the init has to know.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) root: FdIndex,
    pub(crate) read_only_root: bool,
    pub(crate) mounts: Vec<PlannedMount>,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<OsString>,
    pub(crate) cwd: PathBuf,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    pub(crate) capabilities: u64,
    /// The seccomp program; empty for none.
    pub(crate) filter: Blob,
    /// Resource number, soft, hard.
    pub(crate) rlimits: Vec<(u32, u64, u64)>,
    pub(crate) stdio: PlannedStdio,
    pub(crate) network: PlannedNetwork,
    pub(crate) hostname: String,
    pub(crate) hosts: String,
    pub(crate) resolv: String,
    pub(crate) shm_size_bytes: u64,
    pub(crate) insecure: bool,
    pub(crate) read_only_etc: bool,
}

wire_struct!(Plan {
    root,
    read_only_root,
    mounts,
    args,
    env,
    cwd,
    uid,
    gid,
    groups,
    capabilities,
    filter,
    rlimits,
    stdio,
    network,
    hostname,
    hosts,
    resolv,
    shm_size_bytes,
    insecure,
    read_only_etc,
});

/// A [`Mount`].
#[derive(Debug)]
pub(crate) struct PlannedMount {
    pub(crate) target: PathBuf,
    pub(crate) source: PlannedSource,
    pub(crate) read_only: bool,
}

wire_struct!(PlannedMount { target, source, read_only });

/// Mode and owner of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

wire_struct!(Rights { mode, uid, gid });

/// A [`MountSource`].
#[derive(Debug)]
pub(crate) enum PlannedSource {
    Detached(FdIndex),
    Tmpfs { size_bytes: Option<u64>, mode: u32 },
    Secret(Blob, Rights),
    Socket(PathBuf, Rights),
    Device(PlannedDevice),
}

/// A [`crate::Device`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedDevice {
    pub(crate) node: Option<FdIndex>,
    pub(crate) is_block: bool,
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) rights: Rights,
}

wire_struct!(PlannedDevice { node, is_block, major, minor, rights });

impl Wire for PlannedSource {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Detached(fd) => {
                0_u8.put(out);
                fd.put(out);
            }
            Self::Tmpfs { size_bytes, mode } => (1_u8, *size_bytes, *mode).put(out),
            Self::Secret(bytes, rights) => (2_u8, bytes.clone(), *rights).put(out),
            Self::Socket(path, rights) => (3_u8, path.clone(), *rights).put(out),
            Self::Device(device) => {
                4_u8.put(out);
                device.put(out);
            }
        }
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        Some(match u8::take(input)? {
            0 => Self::Detached(Wire::take(input)?),
            1 => Self::Tmpfs { size_bytes: Wire::take(input)?, mode: Wire::take(input)? },
            2 => Self::Secret(Wire::take(input)?, Wire::take(input)?),
            3 => Self::Socket(Wire::take(input)?, Wire::take(input)?),
            4 => Self::Device(Wire::take(input)?),
            _ => return None,
        })
    }
}

/// A [`Stdio`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlannedStdio {
    /// `/dev/null`, and the write ends of two pipes.
    Piped(FdIndex, FdIndex),
    Files(FdIndex, FdIndex, FdIndex),
    Terminal,
}

impl Wire for PlannedStdio {
    fn put(&self, out: &mut Vec<u8>) {
        let fds = match *self {
            Self::Terminal => vec![],
            Self::Piped(stdout, stderr) => vec![stdout, stderr],
            Self::Files(stdin, stdout, stderr) => vec![stdin, stdout, stderr],
        };
        fds.put(out);
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        match *Vec::<u32>::take(input)? {
            [] => Some(Self::Terminal),
            [stdout, stderr] => Some(Self::Piped(stdout, stderr)),
            [stdin, stdout, stderr] => Some(Self::Files(stdin, stdout, stderr)),
            _ => None,
        }
    }
}

/// A [`Network`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlannedNetwork {
    Host,
    None,
    /// The command line of pasta, without the network namespace.
    Private(Vec<OsString>),
    /// The network namespace.
    Shared(FdIndex),
}

impl Wire for PlannedNetwork {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Host => 0_u8.put(out),
            Self::None => 1_u8.put(out),
            Self::Private(pasta) => {
                2_u8.put(out);
                pasta.put(out);
            }
            Self::Shared(netns) => {
                3_u8.put(out);
                netns.put(out);
            }
        }
    }

    fn take(input: &mut Reader<'_>) -> Option<Self> {
        match u8::take(input)? {
            0 => Some(Self::Host),
            1 => Some(Self::None),
            2 => Vec::take(input).map(Self::Private),
            3 => u32::take(input).map(Self::Shared),
            _ => None,
        }
    }
}

/// The descriptors that travel with a plan.
#[derive(Debug, Default)]
pub(crate) struct Fds(Vec<Option<OwnedFd>>);

impl Fds {
    fn add(&mut self, fd: OwnedFd) -> FdIndex {
        self.0.push(Some(fd));
        u32::try_from(self.0.len() - 1).expect("descriptors are far fewer than 2^32")
    }

    /// Takes the descriptor at `index` out of the list.
    pub(crate) fn take(&mut self, index: FdIndex) -> Result<OwnedFd, SandboxError> {
        let slot = self.0.get_mut(index as usize).and_then(Option::take);
        slot.ok_or_else(|| os("find a descriptor of the plan")(rustix::io::Errno::BADF))
    }

    pub(crate) fn borrowed(&self) -> Vec<BorrowedFd<'_>> {
        self.0.iter().flatten().map(AsFd::as_fd).collect()
    }
}

impl From<Vec<OwnedFd>> for Fds {
    fn from(fds: Vec<OwnedFd>) -> Self {
        Self(fds.into_iter().map(Some).collect())
    }
}

/// Read ends of the process's stdout and stderr.
pub(crate) type Output = (File, File);

/// Turns `spec` into a plan and its descriptors.
pub(crate) fn prepare(spec: Spec) -> Result<(Plan, Fds, Option<Output>), SandboxError> {
    check_strings(&spec.process)?;
    let Spec { root, mounts, process, network, insecure, .. } = spec;
    let mut fds = Fds::default();
    let root = fds.add(root.into());
    let (stdio, output) = stdio(process.stdio, &mut fds)?;
    let capabilities =
        if insecure { capability_sets::ALL } else { capability_sets::set(&process.capabilities)? };
    let unconfined = insecure || process.seccomp == crate::Seccomp::Unconfined;
    let plan = Plan {
        root,
        read_only_root: spec.read_only_root,
        mounts: mounts.into_iter().map(|mount| planned_mount(mount, &mut fds)).collect(),
        args: process.args,
        env: environment(process.env, &process.user.home),
        cwd: process.cwd,
        uid: process.user.uid,
        gid: process.user.gid,
        groups: process.user.groups,
        capabilities,
        filter: if unconfined { Blob::default() } else { Blob(seccomp::program(capabilities)) },
        rlimits: process.rlimits.iter().map(planned_rlimit).collect::<Result<_, _>>()?,
        stdio,
        hosts: etc::hosts(&spec.hostname, &spec.hosts),
        resolv: network::resolv_conf(&network),
        network: planned_network(&network, &mut fds)?,
        hostname: spec.hostname,
        shm_size_bytes: spec.shm_size_bytes.unwrap_or(SHM_SIZE_BYTES),
        insecure,
        read_only_etc: spec.read_only_etc,
    };
    Ok((plan, fds, output))
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
    let strings = process.args.iter().map(|arg| ("argument", arg));
    let mut strings = strings.chain(process.env.iter().map(|entry| ("environment", entry)));
    match strings.find(|(_, value)| value.as_bytes().contains(&0)) {
        Some((what, value)) => Err(invalid(what, value)),
        None => Ok(()),
    }
}

/// `env`, with a `HOME` if it has none.
fn environment(mut env: Vec<OsString>, home: &Path) -> Vec<OsString> {
    if !env.iter().any(|entry| entry.as_bytes().starts_with(b"HOME=")) {
        let mut entry = OsString::from("HOME=");
        entry.push(home);
        env.push(entry);
    }
    env
}

fn stdio(stdio: Stdio, fds: &mut Fds) -> Result<(PlannedStdio, Option<Output>), SandboxError> {
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

fn planned_mount(mount: Mount, fds: &mut Fds) -> PlannedMount {
    let source = match mount.source {
        MountSource::Detached(mount) => PlannedSource::Detached(fds.add(mount.into())),
        MountSource::Tmpfs { size_bytes, mode } => PlannedSource::Tmpfs { size_bytes, mode },
        MountSource::Secret { bytes, mode, uid, gid } => {
            PlannedSource::Secret(Blob(bytes), Rights { mode, uid, gid })
        }
        MountSource::Socket { path, mode, uid, gid } => {
            PlannedSource::Socket(path, Rights { mode, uid, gid })
        }
        MountSource::Device(device) => PlannedSource::Device(PlannedDevice {
            node: device.node.map(|node| fds.add(node.into())),
            is_block: device.is_block,
            major: device.numbers.0,
            minor: device.numbers.1,
            rights: Rights { mode: device.mode, uid: device.uid, gid: device.gid },
        }),
    };
    PlannedMount { target: mount.target, source, read_only: mount.read_only }
}

fn planned_network(network: &Network, fds: &mut Fds) -> Result<PlannedNetwork, SandboxError> {
    match network {
        Network::Host => Ok(PlannedNetwork::Host),
        Network::None => Ok(PlannedNetwork::None),
        Network::Private { publish } => network::command(publish).map(PlannedNetwork::Private),
        Network::Shared(shared) => {
            let netns = shared.netns().try_clone_to_owned().map_err(os("duplicate a descriptor"))?;
            Ok(PlannedNetwork::Shared(fds.add(netns)))
        }
    }
}

/// Docker's names of the resource limits, in the order of the kernel's numbers.
///
/// Source: linux/include/uapi/asm-generic/resource.h.
const RLIMITS: [&str; 16] = [
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
];

fn planned_rlimit(limit: &Rlimit) -> Result<(u32, u64, u64), SandboxError> {
    let invalid = || SandboxError::Invalid { what: "resource limit".into(), value: limit.name.clone() };
    let (number, _) = (0..).zip(RLIMITS).find(|(_, name)| *name == limit.name).ok_or_else(invalid)?;
    Ok((number, limit.soft, limit.hard))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{decode, encode};

    #[track_caller]
    fn check<T: Wire + std::fmt::Debug>(value: T) {
        let back = decode::<T>(&encode(&value)).expect("what was put can be taken");
        assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }

    #[test]
    fn parts_survive_the_wire() {
        let rights = Rights { mode: 0o400, uid: 1, gid: 2 };
        for source in [
            PlannedSource::Detached(3),
            PlannedSource::Tmpfs { size_bytes: Some(4096), mode: 0o1777 },
            PlannedSource::Tmpfs { size_bytes: None, mode: 0o700 },
            PlannedSource::Secret(Blob(vec![0, 255]), rights),
            PlannedSource::Socket("/run/agent".into(), rights),
            PlannedSource::Device(PlannedDevice {
                node: Some(5),
                is_block: true,
                major: 8,
                minor: 1,
                rights,
            }),
        ] {
            check(PlannedMount { target: "/t".into(), source, read_only: true });
        }
        check(PlannedStdio::Piped(1, 2));
        check(PlannedStdio::Files(1, 2, 3));
        check(PlannedStdio::Terminal);
        check(PlannedNetwork::Host);
        check(PlannedNetwork::None);
        check(PlannedNetwork::Shared(3));
        check(PlannedNetwork::Private(vec!["pasta".into(), "-q".into()]));
    }

    #[test]
    fn home_is_added_only_if_absent() {
        let env = |entries: &[&str]| entries.iter().map(OsString::from).collect::<Vec<_>>();
        let home = Path::new("/root");
        assert_eq!(environment(env(&["A=1"]), home), env(&["A=1", "HOME=/root"]));
        assert_eq!(environment(env(&["HOME="]), home), env(&["HOME="]));
        assert_eq!(environment(env(&["HOMER=x"]), home), env(&["HOMER=x", "HOME=/root"]));
    }

    #[test]
    fn limits_have_docker_s_names() {
        let limit = |name: &str| planned_rlimit(&Rlimit { name: name.into(), soft: 1, hard: 2 });
        assert_eq!(limit("nofile").unwrap(), (libc::RLIMIT_NOFILE, 1, 2));
        assert_eq!(limit("cpu").unwrap().0, libc::RLIMIT_CPU);
        assert_eq!(limit("rttime").unwrap().0, libc::RLIMIT_RTTIME);
        assert!(limit("NOFILE").is_err());
        assert!(limit("").is_err());
    }
}
