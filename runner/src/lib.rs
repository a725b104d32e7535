//! Containers: a finished image becomes a running process. The crate knows no Dockerfile, and never prints.
//!
//! ```text
//! <store>/containers/<id>/
//! ├── config.json   what was asked for; only rename and update change it
//! ├── state.json    what became of it: pid, start, end, health
//! ├── rootfs/       the files that it has changed, on top of the layers of its image
//! ├── lock          flock: held by the monitor for as long as the container runs
//! ├── socket        where the monitor listens for attach, exec, stop and the like
//! └── log, log.1 …  its output in segments, a JSON object a line
//! <store>/roots/container-<id>   keeps the container's layers from being collected
//! ```
//!
//! ```text
//! container    the directory above: create, list, find, remove; roots in line with it
//! content      the files of a container: copy, export, list changes; commit: make an image of them
//! image        a name -> layers and config
//! command      image config and the user's overrides -> the process
//! isolation    rights of the processes; devices, mounts: what of this machine they see
//! launch       start the process
//! monitor      watch over it: streams, log, requests of clients, restarts
//! client       ask the monitor of a container; protocol, endpoint: frames and the socket between them
//! top          the processes of a container
//! volume       the first content of named volumes
//! volumes      listing and removing named volumes
//! signal       stopping containers; stop_signal: the signal for it; process: the first process of a container
//! log          write and read the log
//! files        open the files of a container, no matter what a damaged store has in their place
//! ```
//!
//! Invariants: a container runs if and only if its lock is held, whatever `state.json` says. There is no daemon: each
//! container has one process that watches over it, the monitor, and SIGKILL of the monitor ends the container.

pub mod client;
mod clock;
pub mod command;
pub mod commit;
pub mod container;
pub mod content;
mod devices;
mod endpoint;
mod error;
mod files;
pub mod image;
mod isolation;
pub mod launch;
pub mod log;
pub mod monitor;
mod mounts;
mod process;
pub mod protocol;
pub mod signal;
mod stop_signal;
pub mod top;
mod volume;
pub mod volumes;

pub use error::RunnerError;
