//! One process in a root file system: namespaces, mounts, limits, network.
//!
//! ```text
//! spec      what to run and where: plain data
//! launch    re-exec of ourselves as `__init`, single-threaded, which builds the sandbox and becomes the process
//! privilege root, or a user namespace with subordinate ids
//! seccomp   docker's profile as a BPF program
//! network   host, none, or a namespace of its own connected by pasta
//! ```
//!
//! Invariants: SIGKILL of the caller leaves no process and no mount. Nothing is opened by path in the root file
//! system but through `openat2(RESOLVE_IN_ROOT)`. Knows no image and no Dockerfile.

mod capabilities;
mod channel;
mod error;
mod etc;
mod exe;
mod init;
pub mod launch;
mod message;
pub mod network;
mod plan;
pub mod privilege;
mod seccomp;
pub mod spec;
mod sys;
mod wire;

pub use error::SandboxError;
pub use launch::{Exit, Running, init_if_asked, spawn};
pub use spec::{
    Capabilities, HostEntry, Mount, MountSource, Network, PortMap, Process, Rlimit, Seccomp, Spec, Stdio,
};
