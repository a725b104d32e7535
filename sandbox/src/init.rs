//! The two processes of a sandbox, both our own program executed again.
//!
//! ```text
//! supervisor  pid 1 of the outer pid namespace, in the caller's other namespaces: starts the guest, does for it what
//!             can only be done outside (pasta, sockets), waits for its end or the caller's
//! guest       pid 1 of the inner pid namespace: makes its namespaces and mounts, gives up its rights, executes
//! ```
//!
//! The modules of the guest, in the order in which they are used:
//!
//! ```text
//! namespaces        namespaces, host name, loopback
//! system_mounts     /proc, /sys, /dev and what is below them; dev: the devices in /dev
//! requested_mounts  /etc/hosts, /etc/resolv.conf and the mounts of the plan
//! mount_points      paths in the root file system, found or created without following symlinks out of it
//! scratch           files of our own that are mounted: secrets, sockets, device nodes
//! masked_paths      parts of /proc and /sys that are hidden or read-only
//! host_services     requests to the supervisor; socket_forward: sockets of the host
//! streams           stdin, stdout, stderr, or a terminal
//! kernel_parameters parameters below /proc/sys, and the like
//! rights            limits, capabilities, user and groups: dropping them
//! reaper            the init of --init, which stays beside the program
//! program           finding and executing the program
//! last_steps        the steps that each process of a sandbox takes before its program
//! ```
//!
//! A supervisor can be asked to keep a network instead (`network_keeper`), or to add a process to a running sandbox
//! (`joiner`); then there is no guest. A supervisor that adds a process is in no pid namespace of its own.
//!
//! Concurrency: both processes have one thread while they set up.

mod dev;
mod guest;
mod host_services;
mod joiner;
mod kernel_parameters;
mod last_steps;
mod masked_paths;
mod mount_points;
mod namespaces;
mod network_keeper;
mod program;
mod reaper;
mod report;
mod requested_mounts;
mod rights;
mod scratch;
mod socket_forward;
mod streams;
mod supervisor;
mod system_mounts;

use crate::sys;

/// Becomes the init of a sandbox if this process was started to be one, and never returns then.
///
/// Every program that starts sandboxes calls this first in `main`, because a sandbox executes that program again.
pub fn init_if_asked() {
    let is_init =
        std::env::args_os().next().is_some_and(|name| name.as_encoded_bytes() == sys::INIT_NAME.to_bytes());
    if is_init {
        supervisor::run()
    }
}
