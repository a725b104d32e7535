//! Containers: a finished image becomes a running process. The crate knows no Dockerfile, and never prints.
//!
//! ```text
//! <store>/containers/<id>/
//! ├── config.json   what was asked for; written once
//! ├── state.json    what became of it: pid, start, end
//! ├── lock          flock: held by the monitor for as long as the container runs
//! └── log           its output, a JSON object a line
//! <store>/roots/container-<id>   keeps the container's layers from being collected
//! ```
//!
//! ```text
//! container    the directory above: create, list, find, remove; roots in line with it
//! image        a name -> layers and config
//! command      image config and the user's overrides -> the process
//! supervise    start it, write its log, wait for it
//! volume       the first content of named volumes
//! volumes      listing and removing named volumes
//! signal       stop it from another process; stop_signal: which signal that takes
//! log          write and read the log
//! files        open the files of a container, no matter what a damaged store has in their place
//! ```
//!
//! Invariants: a container runs if and only if its lock is held, whatever `state.json` says. There is no daemon: each
//! container has one process that watches over it, the monitor, and SIGKILL of the monitor ends the container.

mod clock;
pub mod command;
pub mod container;
mod error;
mod files;
pub mod image;
pub mod log;
pub mod signal;
mod stop_signal;
pub mod supervise;
mod volume;
pub mod volumes;

pub use error::RunnerError;
