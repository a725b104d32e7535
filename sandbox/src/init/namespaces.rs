//! The namespaces of the guest, and their first contents: host name, keyring, loopback.

use std::os::fd::{AsFd, OwnedFd};

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::host_services::HostServices;
use crate::error::os;
use crate::plan::{Fds, Plan, PlannedNetwork};
use crate::{SandboxError, sys};

/// Moves this process into namespaces of its own, and into the network namespace of `plan`.
///
/// A private network is only requested here: the supervisor connects it later.
pub(super) fn enter(plan: &Plan, fds: &mut Fds, services: &mut HostServices) -> Result<(), SandboxError> {
    rustix::process::setsid().map_err(os("start a session"))?;
    if let PlannedNetwork::Shared(netns) = plan.network {
        join_network(&fds.take(netns)?)?;
    }
    let owns_network = matches!(plan.network, PlannedNetwork::None | PlannedNetwork::Private(..));
    unshare_all(plan, owns_network)?;
    if !plan.boundary.host_uts {
        nix::unistd::sethostname(&plan.hostname).map_err(os("set the host name"))?;
    }
    // Containers refuse a new keyring, and so does a user's quota. The program then sees the caller's, as with docker.
    let _ = sys::new_session_keyring();
    if owns_network {
        sys::loopback_up().map_err(os("bring loopback up"))?;
    }
    if let PlannedNetwork::Private(pasta, publish) = &plan.network {
        services.connect_network(pasta.clone(), publish.clone(), own_network()?);
    }
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(os("make the mounts below / private"))
}

fn join_network(netns: &OwnedFd) -> Result<(), SandboxError> {
    move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(os("enter the network namespace"))
}

/// Makes the namespaces that the plan does not share with the host, and a network namespace if `network` is set.
fn unshare_all(plan: &Plan, network: bool) -> Result<(), SandboxError> {
    let mut flags = CloneFlags::CLONE_NEWNS;
    flags.set(CloneFlags::CLONE_NEWUTS, !plan.boundary.host_uts);
    flags.set(CloneFlags::CLONE_NEWNET, network);
    flags.set(CloneFlags::CLONE_NEWIPC, !plan.host_ipc);
    unshare(flags).map_err(os("make namespaces"))?;
    // Some kernels have no cgroup namespaces. The program then sees the full names of its cgroups, nothing more.
    let _ = unshare(CloneFlags::CLONE_NEWCGROUP);
    Ok(())
}

fn own_network() -> Result<OwnedFd, SandboxError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    openat(CWD, "/proc/self/ns/net", flags, Mode::empty()).map_err(os("open the network namespace"))
}
