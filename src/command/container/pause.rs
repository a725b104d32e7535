//! `dsbuild pause` and `dsbuild unpause`: freeze the processes of containers, and thaw them.

use runner::client;
use runner::protocol::Request;

use super::each::each;
use super::find::find;
use crate::failure::Failure;
use cli::container::ContainersArgs;

/// Freezes containers, and prints the name of each.
pub fn pause(args: &ContainersArgs) -> Result<u8, Failure> {
    ask_each(args, &Request::Pause)
}

/// Thaws containers, and prints the name of each.
pub fn unpause(args: &ContainersArgs) -> Result<u8, Failure> {
    ask_each(args, &Request::Unpause)
}

fn ask_each(args: &ContainersArgs, request: &Request) -> Result<u8, Failure> {
    each(&args.containers, &mut |name| {
        client::ask(&find(name)?, request)?;
        Ok(Some(name.to_owned()))
    })
}
