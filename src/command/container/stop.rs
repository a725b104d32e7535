//! `dsbuild stop`: asks containers to stop, and kills the ones that go on.

use std::time::Duration;

use runner::signal;

use super::find::find;
use crate::failure::Failure;
use crate::output;
use cli::container::StopArgs;

/// Stops containers and prints the name of each.
pub fn run(args: &StopArgs) -> Result<u8, Failure> {
    for name in &args.containers {
        signal::stop(&find(name)?, Duration::from_secs(args.time_s))?;
        output::line(name);
    }
    Ok(0)
}
