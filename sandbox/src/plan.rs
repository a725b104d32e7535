//! The plan of a sandbox: everything the init has to know, in the form in which it travels between processes.
//!
//! A plan is a [`crate::Spec`] after [`crate::prepare`]: checked, with numbers instead of names. Descriptors travel
//! beside it, in a list; the plan refers to them by index.
//!
//! `process` is the part that a further process in a running sandbox has as well.

mod process;

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use crate::SandboxError;
use crate::boundary::Boundary;
use crate::error::os;
use crate::port_map::PortMap;
use crate::wire::{Blob, Reader, Wire, wire_struct};

pub(crate) use process::{PlannedProcess, PlannedStdio, ShownUser};

/// Index of a descriptor in the list [`Fds`] that travels with the plan.
pub(crate) type FdIndex = u32;

/// Instructions for the init; the fields without a comment are those of [`crate::Spec`].
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) root: FdIndex,
    pub(crate) read_only_root: bool,
    pub(crate) mounts: Vec<PlannedMount>,
    pub(crate) process: PlannedProcess,
    pub(crate) network: PlannedNetwork,
    pub(crate) hostname: String,
    /// Whole text of `/etc/hosts`.
    pub(crate) hosts: String,
    /// Whole text of `/etc/resolv.conf`.
    pub(crate) resolv: String,
    pub(crate) shm_size_bytes: u64,
    pub(crate) host_ipc: bool,
    /// Files through which the guest enters its control groups.
    pub(crate) cgroups: Vec<FdIndex>,
    pub(crate) insecure: bool,
    pub(crate) read_only_etc: bool,
    pub(crate) boundary: Boundary,
}

wire_struct!(Plan {
    root,
    read_only_root,
    mounts,
    process,
    network,
    hostname,
    hosts,
    resolv,
    shm_size_bytes,
    host_ipc,
    cgroups,
    insecure,
    read_only_etc,
    boundary,
});

/// A [`crate::Mount`] whose source is planned.
#[derive(Debug)]
pub(crate) struct PlannedMount {
    pub(crate) target: PathBuf,
    pub(crate) source: PlannedSource,
    pub(crate) read_only: bool,
}

wire_struct!(PlannedMount { target, source, read_only });

/// Instructions for the init of a further process in a running sandbox.
#[derive(Debug)]
pub(crate) struct JoinPlan {
    pub(crate) process: PlannedProcess,
    /// Namespaces to join, as flags of `setns`.
    pub(crate) namespaces: i32,
    /// Files through which the process enters the control groups of the sandbox.
    pub(crate) cgroups: Vec<FdIndex>,
}

wire_struct!(JoinPlan { process, namespaces, cgroups });

/// Mode, owner and group of a file that the init creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

wire_struct!(Rights { mode, uid, gid });

/// A [`crate::MountSource`] whose descriptors are in the list.
#[derive(Debug)]
pub(crate) enum PlannedSource {
    Detached(FdIndex),
    Tmpfs { size_bytes: Option<u64>, mode: u32 },
    Secret(Blob, Rights),
    Socket(PathBuf, Rights),
    Device(PlannedDevice),
}

/// A [`crate::Device`] whose node, if it has one, is in the list.
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

/// The form of [`crate::Network`] that the init sees.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlannedNetwork {
    Host,
    None,
    /// A new namespace, the command line of pasta without the argument that names the namespace, and published ports.
    Private(Vec<OsString>, Vec<PortMap>),
    /// Descriptor of an existing network namespace.
    Shared(FdIndex),
}

impl Wire for PlannedNetwork {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Host => 0_u8.put(out),
            Self::None => 1_u8.put(out),
            Self::Private(pasta, publish) => {
                2_u8.put(out);
                pasta.put(out);
                publish.put(out);
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
            2 => Some(Self::Private(Vec::take(input)?, Vec::take(input)?)),
            3 => u32::take(input).map(Self::Shared),
            _ => None,
        }
    }
}

/// The list of descriptors that travels with a plan; each can be taken out once.
#[derive(Debug, Default)]
pub(crate) struct Fds(Vec<Option<OwnedFd>>);

impl Fds {
    /// Appends `fd` and returns its index.
    pub(crate) fn add(&mut self, fd: OwnedFd) -> FdIndex {
        self.0.push(Some(fd));
        u32::try_from(self.0.len() - 1).expect("descriptors are far fewer than 2^32")
    }

    /// Takes the descriptor at `index` out of the list. An index that is unknown or used up is an error.
    pub(crate) fn take(&mut self, index: FdIndex) -> Result<OwnedFd, SandboxError> {
        let slot = self.0.get_mut(index as usize).and_then(Option::take);
        slot.ok_or_else(|| os("find a descriptor of the plan")(rustix::io::Errno::BADF))
    }

    /// Returns the descriptors that are still in the list, in order.
    pub(crate) fn borrowed(&self) -> Vec<BorrowedFd<'_>> {
        self.0.iter().flatten().map(AsFd::as_fd).collect()
    }
}

impl From<Vec<OwnedFd>> for Fds {
    fn from(fds: Vec<OwnedFd>) -> Self {
        Self(fds.into_iter().map(Some).collect())
    }
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
    fn mounts_survive_the_wire() {
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
    }

    #[test]
    fn networks_survive_the_wire() {
        check(PlannedNetwork::Host);
        check(PlannedNetwork::None);
        check(PlannedNetwork::Shared(3));
        let port = PortMap { host: "0.0.0.0:80".parse().unwrap(), container_port: 8080, udp: false };
        check(PlannedNetwork::Private(vec!["pasta".into(), "-q".into()], vec![port]));
    }
}
