//! Runs one process in a root file system, isolated by namespaces, mounts, limits and a network of its own.
//!
//! From the bottom up; each module uses only modules above it in this list:
//!
//! ```text
//! sys                system calls that no safe crate offers: all `unsafe` code
//! wire, channel      encoding of values; messages with descriptors
//! error, outcome     errors; how a sandbox ended and which mount points it created; usage: the resources it used
//! mount_api, exe     mounts by descriptor; our own program in a form that a sandbox cannot change
//! port_map           a port of the host that leads into the sandbox
//! plan, message      instructions for the init; messages between the processes
//! supervisor_handle  the caller's handle of the process that stands for a sandbox
//! relay              joining two streams
//! network            the host's, none, or a private one that pasta connects
//! boundary           differences from docker's defaults in what a sandbox shares with this machine
//! spec               what to run and where: plain data; detached_mount: its mounts
//! capability_sets    capabilities by name; seccomp: docker's filter; rlimits: limits by name; etc: files in /etc
//! cgroup             control groups: limits, statistics, freezing
//! prepare            spec -> plan
//! running, launch    waiting for a process; starting the first one, and further ones in a running sandbox
//! landlock           keeping abstract sockets of the host away
//! init               the other processes: a supervisor, and a guest that builds the sandbox and becomes the program
//! privilege          entering a user namespace before sandboxes are started
//! ```
//!
//! Capabilities are dropped in `init::rights`.
//!
//! Invariants:
//!
//! - SIGKILL of the caller leaves no process and no mount.
//! - A path in the root file system is opened component by component, and the kernel never follows a symlink there.
//! - Invalid or impossible requests fail before the process runs. Unknown names are refused, never ignored.
//! - No crate of the workspace is used: images, layers and Dockerfiles are unknown here.
//!
//! Needs Linux 5.12.

mod boundary;
mod capability_sets;
mod cgroup;
mod channel;
mod detached_mount;
mod error;
mod etc;
mod exe;
mod init;
mod landlock;
mod launch;
mod message;
mod mount_api;
pub mod network;
mod outcome;
mod plan;
mod port_map;
mod prepare;
pub mod privilege;
mod relay;
mod rlimits;
mod running;
mod seccomp;
pub mod signal;
mod spec;
mod supervisor_handle;
mod sys;
mod usage;
mod wire;

pub use boundary::Boundary;
pub use cgroup::{ControlGroups, Limits, LimitsReached, Stats, UNLIMITED};
pub use detached_mount::{DetachedMount, Propagation};
pub use error::SandboxError;
pub use init::init_if_asked;
pub use launch::{exec, spawn};
pub use network::Network;
pub use outcome::{CreatedMountPoint, Exit};
pub use port_map::PortMap;
pub use running::Running;
pub use spec::{
    Capabilities, Device, Dns, HostEntry, Mount, MountSource, Process, ProcessUser, Rlimit, Seccomp, Spec,
    Stdio,
};
pub use usage::Usage;
