//! `dsbuild rm`: removes containers.

use runner::signal;

use super::find::find;
use crate::failure::Failure;
use crate::output;
use cli::container::RmArgs;

/// Removes containers and prints the name of each. A running one is removed only by force.
pub fn run(args: &RmArgs) -> Result<u8, Failure> {
    for name in &args.containers {
        let container = find(name)?;
        if container.is_running() {
            if !args.force {
                return Err(Failure::input(format!("container {name} is running"))
                    .hint(format!("stop it first (dsbuild stop {name}), or use --force")));
            }
            signal::kill(&container)?;
        }
        container.remove()?;
        output::line(name);
    }
    Ok(0)
}
