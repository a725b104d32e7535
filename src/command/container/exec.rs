//! `dsbuild exec`: runs a further process in a container.

use runner::RunnerError;
use runner::client::{Attached, Connection, Ending};
use runner::container::Status;
use runner::protocol::{ExecRequest, Request};

use super::find::find;
use super::session::{self, Session};
use crate::exit::{self, Fault};
use crate::failure::Failure;
use crate::setup::variables::variables;
use cli::container::ExecArgs;

/// Runs a process, and returns its exit code; 0 if it runs in the background.
pub fn run(args: &ExecArgs) -> Result<u8, Failure> {
    let container = find(&args.container)?;
    if container.status() == Status::Paused {
        return Err(Failure::input(format!("container {} is paused", args.container))
            .hint(format!("dsbuild unpause {}", args.container)));
    }
    let session = Session {
        stdin: args.interactive && !args.detach,
        terminal: args.tty && !args.detach,
        forwards_signals: !args.tty && !args.detach,
        keys: Session::keys(args.detach_keys.as_deref())?,
    };
    session.check()?;
    let request = Request::Exec(Box::new(ExecRequest {
        args: args.command.clone(),
        env: variables(&args.env_files, &args.env)?,
        cwd: args.workdir.clone(),
        user: args.user.clone(),
        terminal: args.tty,
        stdin: session.stdin,
        detached: args.detach,
        privileged: args.privileged,
        size: session.terminal.then(session::size).flatten(),
    }));
    let mut attached = Attached::new(Connection::open(&container)?, &request);
    attached.wait_for_start().map_err(unstarted)?;
    if args.detach {
        return Ok(0);
    }
    match session.run(attached)? {
        Ending::Exited(end) => Ok(exit::of_process(end.code)),
        Ending::Detached => Ok(0),
    }
}

/// Returns the failure of a process that could not be started: with exit code 126 or 127, as for `run`.
fn unstarted(error: RunnerError) -> Failure {
    match error {
        RunnerError::Refused { code: code @ (126 | 127), .. } => {
            Failure::from(error).blamed_on(Fault::of_unstarted(code))
        }
        error => Failure::from(error),
    }
}
