//! One process in a root file system: namespaces, mounts, limits, network.
//!
//! ```text
//! spec       what to run and where: plain data
//! plan       the same, checked and made ready for the init; wire, channel, message: how it gets there and back
//! launch     the caller's side: start, wait, kill
//! init/      our own program, executed again: a supervisor, and a guest that builds the sandbox and becomes the process
//! exe        our program, such that no sandbox can change it
//! privilege  root, or a user namespace with subordinate ids
//! seccomp/   docker's profile as a BPF program; capability_sets: names and sets
//! network    host, none, or a namespace of its own (or shared by several) connected by pasta; etc: hosts and resolv.conf
//! usage      what a sandbox took of the machine
//! sys        system calls that no safe crate offers: all `unsafe`
//! ```
//!
//! Invariants: SIGKILL of the caller leaves no process and no mount. Nothing is opened by path in the root file
//! system but component by component, without following links. All that can fail by what the caller asks for fails
//! before the process runs; what is unknown is refused. Needs Linux 5.12. Knows no image and no Dockerfile.

mod capability_sets;
mod channel;
mod detached_mount;
mod error;
mod etc;
mod exe;
mod init;
mod launch;
mod message;
mod mount_api;
pub mod network;
mod outcome;
mod plan;
mod prepare;
pub mod privilege;

mod rlimits;
mod running;
mod seccomp;
mod spec;
mod supervisor_handle;
mod sys;
mod usage;
mod wire;

pub use detached_mount::DetachedMount;
pub use error::SandboxError;
pub use init::init_if_asked;
pub use launch::spawn;
pub use network::{Network, PortMap};
pub use outcome::{CreatedMountPoint, Exit};
pub use running::Running;
pub use spec::{
    Capabilities, Device, HostEntry, Mount, MountSource, Process, ProcessUser, Rlimit, Seccomp, Spec, Stdio,
};
pub use usage::Usage;
