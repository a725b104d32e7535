//! The hidden command `__monitor`: the process that watches over a container in the background.

use std::sync::Arc;

use runner::container::Container;
use runner::supervise::Streams;

use super::{detach, start};
use crate::failure::Failure;
use crate::setup::store;
use cli::container::MonitorArgs;

/// Starts the process of a container and keeps its log until it ends.
pub fn run(args: &MonitorArgs) -> Result<u8, Failure> {
    sandbox::privilege::enter()?;
    let store = Arc::new(store::open()?);
    let container = Container::find(&store, &args.id)?;
    let supervised = start(container, &store, Streams::Log)?;
    detach::report_started();
    supervised.keep_log()?;
    Ok(0)
}
