//! `dsbuild attach`: connects the user's streams to those of a container that runs.

use runner::client::{Attached, Connection, Ending};
use runner::container::Status;
use runner::protocol::Request;

use super::find::find;
use super::session::{self, Session};
use crate::exit;
use crate::failure::Failure;
use cli::container::AttachArgs;

/// Attaches to a container until it ends, and returns its exit code; 0 if the user detaches.
pub fn run(args: &AttachArgs) -> Result<u8, Failure> {
    let container = find(&args.container)?;
    if container.status() == Status::Paused {
        return Err(Failure::input(format!("container {} is paused", args.container))
            .hint(format!("dsbuild unpause {}", args.container)));
    }
    let session = Session {
        stdin: !args.no_stdin && container.config.life.open_stdin,
        terminal: container.config.terminal,
        forwards_signals: args.sig_proxy && !container.config.terminal,
        keys: Session::keys(args.detach_keys.as_deref())?,
    };
    let connection = Connection::open(&container)?;
    let size = container.config.terminal.then(session::size).flatten();
    let mut attached = Attached::new(connection, &Request::Attach { stdin: session.stdin, size });
    attached.wait_for_start()?;
    match session.run(attached)? {
        Ending::Exited(end) => Ok(exit::of_process(end.code)),
        Ending::Detached => Ok(0),
    }
}
