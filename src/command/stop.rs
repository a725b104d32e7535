//! `dsbuild stop`: asks containers to stop, and kills those that do not.

use std::time::Duration;

use runner::signal;

use super::container;
use crate::args::container::StopArgs;
use crate::failure::Failure;
use crate::output;

/// Stops containers and prints the name of each.
pub fn run(args: &StopArgs) -> Result<u8, Failure> {
    for name in &args.containers {
        signal::stop(&container::find(name)?, Duration::from_secs(args.time_s))?;
        output::line(name);
    }
    Ok(0)
}
