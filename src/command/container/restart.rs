//! `dsbuild restart`: stops containers, and starts them again.

use runner::protocol::Request;
use runner::signal;

use super::each::each;
use super::find::find;
use super::monitor;
use super::stop::patience_s;
use crate::failure::Failure;
use cli::container::StopArgs;

/// Restarts containers and prints the name of each. One that does not run is started.
pub fn run(args: &StopArgs) -> Result<u8, Failure> {
    each(&args.containers, &mut |name| {
        let container = find(name)?;
        signal::stop(&container, args.signal.as_deref(), patience_s(args.time_s))?;
        monitor::start(&container, &Request::Start)?;
        Ok(Some(name.to_owned()))
    })
}
