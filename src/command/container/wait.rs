//! `dsbuild wait`: waits until containers have ended.

use runner::client;

use super::each::each;
use super::find::find;
use crate::failure::Failure;
use cli::container::ContainersArgs;

/// Waits for containers, one after the other, and prints their exit codes.
pub fn run(args: &ContainersArgs) -> Result<u8, Failure> {
    each(&args.containers, &mut |name| Ok(Some(client::wait(&find(name)?)?.to_string())))
}
