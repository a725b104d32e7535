//! `dsbuild start`: starts containers that were created, or have ended.

use runner::client::Ending;
use runner::container::Container;
use runner::protocol::Request;

use super::each::each;
use super::find::find;
use super::monitor;
use super::session::{self, Session};
use crate::exit;
use crate::failure::Failure;
use cli::container::StartArgs;

/// Starts containers and prints the name of each; or attaches to the only one, and returns its exit code.
pub fn run(args: &StartArgs) -> Result<u8, Failure> {
    if !args.attach && !args.interactive {
        return each(&args.containers, &mut |name| {
            let container = find(name)?;
            // As with docker, a container that runs is what was asked for.
            if !container.is_running() {
                monitor::start(&container, &Request::Start)?;
            }
            Ok(Some(name.to_owned()))
        });
    }
    match &args.containers[..] {
        [name] => attached(args, &find(name)?),
        _ => Err(Failure::usage("cannot start and attach several containers at once")),
    }
}

fn attached(args: &StartArgs, container: &Container) -> Result<u8, Failure> {
    let session = Session {
        stdin: args.interactive && container.config.life.open_stdin,
        terminal: container.config.terminal,
        forwards_signals: !container.config.terminal,
        keys: Session::keys(args.detach_keys.as_deref())?,
    };
    let size = container.config.terminal.then(session::size).flatten();
    let (attached, monitor) = monitor::start(container, &Request::Attach { stdin: session.stdin, size })?;
    match session.run(attached)? {
        Ending::Exited(end) => {
            monitor.reap();
            Ok(exit::of_process(end.code))
        }
        Ending::Detached => Ok(0),
    }
}
