//! `dsbuild volume rm`: removes volumes.

use runner::container::{Container, short};

use crate::failure::Failure;
use crate::output;
use crate::setup::{isolation, store};
use cli::volume::RmArgs;

/// Removes volumes and prints their names. A volume that a container has stays.
pub fn run(args: &RmArgs) -> Result<u8, Failure> {
    // Files of other IDs of the user's namespace can be removed only inside of it.
    isolation::enter()?;
    let store = store::open()?;
    let containers = Container::list(&store)?;
    for name in &args.volumes {
        if let Some(user) = containers.iter().find(|one| one.config.uses_volume(name)) {
            let id = short(&user.config.id);
            return Err(Failure::input(format!("remove {name}: volume is in use - [{id}]"))
                .hint(format!("remove the container first: dsbuild rm {}", user.config.name)));
        }
        if !runner::volumes::remove(&store, name)? && !args.force {
            return Err(Failure::input(format!("get {name}: no such volume"))
                .hint("`dsbuild volume ls` lists all volumes"));
        }
        output::line(name);
    }
    Ok(0)
}
