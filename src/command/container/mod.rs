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
pub mod commit;
pub mod cp;
pub mod diff;
mod each;
pub mod exec;
pub mod export;
mod find;
pub mod kill;
pub mod logs;
pub mod ls;
pub mod monitor;
pub mod pause;
pub mod port;
pub mod prune;
pub mod rename;
pub mod restart;
pub mod rm;
pub mod session;
pub mod start;
pub mod stats;
pub mod stop;
pub mod top;
pub mod update;
pub mod wait;

pub use find::find;

use cache::Store;
use runner::RunnerError;

use crate::environment;

/// Opens the store for the libraries, after a namespace was entered.
pub fn store_of() -> Result<Store, RunnerError> {
    Ok(Store::open(&environment::store_root())?)
}
