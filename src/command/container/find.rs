//! Looking up the container that a command names.

use runner::container::Container;

use crate::failure::Failure;
use crate::setup::store;

/// Returns the container with a name or an ID.
pub fn find(name: &str) -> Result<Container, Failure> {
    Container::find(&store::open()?, name)
        .map_err(|error| Failure::from(error).hint("`dsbuild ps --all` lists all containers"))
}
