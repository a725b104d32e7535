//! `dsbuild rm`: removes containers.

use runner::RunnerError;
use runner::container::Container;
use runner::{signal, volumes};

use super::each::each;
use crate::failure::Failure;
use crate::setup::{isolation, store};
use cli::container::RmArgs;

/// Removes containers and prints the name of each. A running one is removed only by force.
pub fn run(args: &RmArgs) -> Result<u8, Failure> {
    // Without root, files of a container can belong to users of a namespace.
    isolation::enter()?;
    let store = store::open()?;
    each(&args.containers, &mut |name| {
        let container = match Container::find(&store, name) {
            Err(RunnerError::NoContainer { .. }) if args.force => return Ok(None),
            Err(error) => {
                return Err(Failure::from(error).hint("`dsbuild ps --all` lists all containers"));
            }
            Ok(container) => container,
        };
        if container.is_running() {
            if !args.force {
                return Err(Failure::input(format!("container {name} is running"))
                    .hint(format!("stop it first (dsbuild stop {name}), or use --force")));
            }
            signal::kill(&container)?;
        }
        container.remove()?;
        if args.volumes {
            volumes::remove_of(&store, &container)?;
        }
        Ok(Some(name.to_owned()))
    })
}
