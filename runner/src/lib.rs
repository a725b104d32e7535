//! A finished image to a running process. Knows no Dockerfile, and never prints.
//!
//! ```text
//! <store>/containers/<id>/
//! ├── config.json   what was asked for; written once
//! ├── state.json    what became of it: pid, start, end
//! ├── lock          held by the process that watches over it, for as long as it runs
//! └── log           what it wrote: a JSON object a line
//! ```
//!
//! ```text
//! container   the folder above: create, list, find, remove
//! image       a name -> layers and config
//! command     image config and the user's flags -> the process
//! supervise   start it, keep its log, wait for it
//! signal      reach it from another process
//! log         write and read the log
//! ```
//!
//! Invariants: a container runs if and only if its lock is held, whatever `state.json` says; there is no daemon, each
//! container has one process that watches over it. SIGKILL of that process ends the container.

pub mod command;
pub mod container;
mod error;
pub mod image;
pub mod log;
pub mod signal;
pub mod supervise;

pub use error::RunnerError;
