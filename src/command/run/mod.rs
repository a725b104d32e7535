//! `dsbuild run`: runs an image, in the foreground or in the background.
//!
//! ```text
//! options   flags and the image's configuration -> a container      publish   -p
//! detach    starting the monitor of a container in the background   monitor   that process
//! terminal  the user's terminal and that of the container
//! ```

mod detach;
pub mod monitor;
mod options;
mod publish;
mod terminal;

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use cache::Store;
use rootfs::layers::Layers;
use runner::RunnerError;
use runner::container::Container;
use runner::image::Image;
use runner::supervise::{self, Ended, Streams, Supervised};
use sandbox::SandboxError;

use crate::exit::{self, Fault};
use crate::failure::{Failure, PRIVATE_NETWORK_HINT, SHM_HINT};
use crate::output;
use crate::setup::store;
use cli::container::RunArgs;

/// Runs an image and returns the exit code of its process. A failure has one of docker's exit codes: 125, 126 or 127.
pub fn run(args: &RunArgs) -> Result<u8, Failure> {
    run_image(args).map_err(|failure| match failure.fault() {
        Fault::NotExecutable | Fault::ProgramNotFound => failure,
        _ => failure.blamed_on(Fault::NotStarted),
    })
}

fn run_image(args: &RunArgs) -> Result<u8, Failure> {
    if args.detach && (args.create.process.interactive || args.create.process.tty) {
        return Err(Failure::usage("--detach excludes --interactive and --tty"));
    }
    if !args.detach {
        // Before any thread exists: mounts made from here on disappear with this process.
        sandbox::privilege::enter()?;
    }
    let store = Arc::new(store::open()?);
    let image = Image::find(&store, &args.create.image).map_err(|error| {
        Failure::from(error).hint("`dsbuild images` lists all images; `dsbuild -t NAME .` builds one")
    })?;
    let container = Container::create(&store, options::config(&args.create, &store, &image)?)?;
    if args.detach {
        let id = container.config.id.clone();
        detach::start_monitor(&container)?;
        output::line(&id);
        return Ok(0);
    }
    let streams = if args.create.process.tty {
        Streams::Terminal
    } else {
        own_streams(args.create.process.interactive)?
    };
    let supervised = start(container, &store, streams)?;
    let ended = if args.create.process.tty { terminal::attach(supervised) } else { wait(supervised) }?;
    if let Some(hint) = hint(&ended, args) {
        output::note(&format!("hint: {hint}"));
    }
    Ok(exit::of_process(ended.code))
}

/// Starts the process of a container. A container with `--rm` that cannot be started is removed.
fn start(container: Container, store: &Arc<Store>, streams: Streams) -> Result<Supervised, Failure> {
    let layers = Layers::new(Arc::clone(store));
    let removed = container.config.remove.then(|| container.clone());
    let started = supervise::start(container, &layers, streams).map_err(|error| {
        if let Some(container) = removed {
            // The first failure is the one to report.
            let _ = container.remove();
        }
        let failure = Failure::of(Fault::of_unstarted(supervise::unstarted_exit_code(&error)), &error);
        match error {
            RunnerError::Sandbox(SandboxError::Network { .. }) => failure.hint(PRIVATE_NETWORK_HINT),
            _ => failure,
        }
    })?;
    if let Some(reason) = started.no_private_network() {
        output::note(&format!("warning: the container uses this machine's network: {reason}"));
    }
    if let Some(note) = layers.take_copying_note() {
        output::note(&format!("warning: {note}"));
    }
    Ok(started)
}

/// Exit code of a process that SIGBUS has killed.
const BUS_ERROR: i32 = 135;

/// Explains an end that says nothing by itself: a limit that was reached, or memory that could not be had.
fn hint(ended: &Ended, args: &RunArgs) -> Option<String> {
    let memory = args.create.resources.memory.as_deref().filter(|_| ended.limits_reached.memory);
    if let Some(memory) = memory {
        return Some(format!("the container reached --memory {memory}, and the kernel killed a process"));
    }
    if ended.limits_reached.pids && ended.code != 0 {
        let max = args.create.resources.pids_limit.unwrap_or_default();
        return Some(format!("the container reached --pids-limit {max}, and could start no further process"));
    }
    (ended.code == BUS_ERROR).then(|| SHM_HINT.to_owned())
}

/// Waits for the end of the process. Signals that would have ended us go to it.
fn wait(supervised: Supervised) -> Result<Ended, Failure> {
    let pid = supervised.running().pid();
    terminal::forward_signals(pid)?;
    Ok(supervised.wait()?)
}

/// Returns our own streams for the process. It gets our stdin only with `--interactive`.
fn own_streams(is_interactive: bool) -> Result<Streams, Failure> {
    let stdin = if is_interactive {
        std::io::stdin().as_fd().try_clone_to_owned()?
    } else {
        OwnedFd::from(File::open("/dev/null")?)
    };
    Ok(Streams::Files {
        stdin,
        stdout: std::io::stdout().as_fd().try_clone_to_owned()?,
        stderr: std::io::stderr().as_fd().try_clone_to_owned()?,
    })
}
