//! `dsbuild kill`: sends a signal to containers.

use runner::signal;

use super::each::each;
use super::find::find;
use crate::failure::Failure;
use cli::container::KillArgs;

/// Sends a signal to containers and prints the name of each.
pub fn run(args: &KillArgs) -> Result<u8, Failure> {
    each(&args.containers, &mut |name| {
        signal::send(&find(name)?, &args.signal)?;
        Ok(Some(name.to_owned()))
    })
}
