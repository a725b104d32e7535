//! `dsbuild rename`: gives a container another name.

use super::find::find;
use crate::failure::Failure;
use crate::setup::store;
use cli::container::RenameArgs;

/// Gives a container a name that is free.
pub fn run(args: &RenameArgs) -> Result<u8, Failure> {
    find(&args.container)?.rename(&store::open()?, &args.name)?;
    Ok(0)
}
