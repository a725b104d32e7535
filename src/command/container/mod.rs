//! Commands on containers, in docker's words.
//!
//! ```text
//! monitor   starting the monitor of a container, and being one
//! session   the user's streams, connected to a process in a container
//! each      several containers in one command
//! ```
//!
//! All other files are commands.

pub mod attach;
mod each;
pub mod exec;
mod find;
pub mod kill;
pub mod logs;
pub mod ls;
pub mod monitor;
pub mod port;
pub mod prune;
pub mod rename;
pub mod restart;
pub mod rm;
pub mod session;
pub mod start;
pub mod stop;
pub mod wait;

pub use find::find;
