//! `dsbuild run` and `dsbuild create`: containers of images, in the foreground or in the background.
//!
//! ```text
//! options   flags and the image's configuration -> a container      publish   -p
//! isolation flags about isolation and limits            mounts    flags about mounts, volumes of the image
//! lifetime  flags about restarts, health and the log                image     the image, pulled if it is missing
//! ```

mod image;
mod isolation;
mod lifetime;
mod mounts;
mod options;
mod publish;

use runner::client::Ending;
use runner::container::Container;
use runner::protocol::{Exited, Request};

use crate::command::container::monitor;
use crate::command::container::session::{self, Session};
use crate::exit::{self, Fault};
use crate::failure::{Failure, SHM_HINT};
use crate::output;
use crate::setup::store;
use cli::container::{CreateArgs, ResourceArgs, RunArgs};

/// Runs an image and returns the exit code of its process. A failure has one of docker's exit codes: 125, 126 or 127.
pub fn run(args: &RunArgs) -> Result<u8, Failure> {
    run_image(args).map_err(not_started)
}

/// Creates a container, and prints its ID.
pub fn create(args: &CreateArgs) -> Result<u8, Failure> {
    let container = created(args, false).map_err(not_started)?;
    output::line(&container.config.id);
    Ok(0)
}

fn not_started(failure: Failure) -> Failure {
    match failure.fault() {
        Fault::NotExecutable | Fault::ProgramNotFound => failure,
        _ => failure.blamed_on(Fault::NotStarted),
    }
}

fn run_image(args: &RunArgs) -> Result<u8, Failure> {
    let process = &args.create.process;
    let session = Session {
        stdin: process.interactive,
        terminal: process.tty,
        forwards_signals: args.sig_proxy && !process.tty,
        keys: Session::keys(args.detach_keys.as_deref())?,
    };
    if args.detach {
        let container = created(&args.create, true)?;
        monitor::start(&container, &Request::Start)?;
        output::line(&container.config.id);
        return Ok(0);
    }
    session.check()?;
    let container = created(&args.create, false)?;
    let size = session.terminal.then(session::size).flatten();
    let request = Request::Attach { stdin: session.stdin, size };
    let (attached, monitor) = monitor::start(&container, &request)?;
    let Ending::Exited(ended) = session.run(attached)? else { return Ok(0) };
    monitor.reap();
    if let Some(hint) = hint(ended, &args.create.resources) {
        output::note(&format!("hint: {hint}"));
    }
    Ok(exit::of_process(ended.code))
}

/// Creates a container of the image that the flags name.
fn created(args: &CreateArgs, is_detached: bool) -> Result<Container, Failure> {
    let cidfile = args.lifetime.cidfile.as_ref();
    if let Some(path) = cidfile.filter(|path| path.exists()) {
        return Err(Failure::input(format!("the container ID file {} exists", output::path(path)))
            .hint("remove it, or write the ID to another file"));
    }
    let image = image::find(args)?;
    let store = store::open()?;
    let container = Container::create(&store, options::config(args, &store, &image, is_detached)?)?;
    if let Some(path) = cidfile {
        std::fs::write(path, &container.config.id).map_err(|error| {
            Failure::input(format!("cannot write {}", output::path(path))).caused_by(&error)
        })?;
    }
    Ok(container)
}

/// Exit code of a process that SIGBUS has killed.
const BUS_ERROR: i32 = 135;

/// Explains an end that says nothing by itself: a limit that was reached, or memory that could not be had.
fn hint(ended: Exited, limits: &ResourceArgs) -> Option<String> {
    let memory = limits.memory.as_deref().filter(|_| ended.oom_killed);
    if let Some(memory) = memory {
        return Some(format!("the container reached --memory {memory}, and the kernel killed a process"));
    }
    if ended.pids_reached && ended.code != 0 {
        let max = limits.pids_limit.unwrap_or_default();
        return Some(format!("the container reached --pids-limit {max}, and could start no further process"));
    }
    (ended.code == BUS_ERROR).then(|| SHM_HINT.to_owned())
}
