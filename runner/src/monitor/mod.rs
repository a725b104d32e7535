//! The monitor of a container: the process that starts it, keeps its log, serves its clients, and notes its end.
//!
//! ```text
//! outbox     frames on their way to one client
//! exec       further processes in the container
//! health     checks of the health of the container
//! hub        what the threads of the monitor share: state, clients, streams
//! output     the streams of the process -> log and clients
//! requests   the requests of clients
//! socket     where clients connect
//! ```
//!
//! The first client is there before the process starts, so that it misses no output: the monitor inherits its connection.
//!
//! Concurrency: the main thread starts the process and waits for its end, again for each restart. Every stream and every
//! client has a thread of its own.

mod exec;
mod health;
mod hub;
mod outbox;
mod output;
mod requests;
mod socket;

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rootfs::layers::Layers;
use sandbox::Exit;

use crate::container::{Container, MonitorLock};
use crate::endpoint;
use crate::launch::{self, Launched, Prepared};
use crate::protocol::Exited;
use crate::{RunnerError, volumes};
use hub::Hub;

/// Shortest and longest time before a restart. It doubles with every restart of a process that has not run for long.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
const MAX_RESTART_PAUSE: Duration = Duration::from_secs(60);

/// Time after which a process counts as having run for long.
const STABLE_RUN: Duration = Duration::from_secs(10);

/// Starts a container, and watches over it until it has ended for good. `started` is called once, with the reason if the
/// container has this machine's network although a private one was preferred.
///
/// An error means that the container could not be started; it is in the container's state, too.
pub fn run(
    container: Container,
    layers: &Layers,
    first: UnixStream,
    started: &mut dyn FnMut(Option<&str>),
) -> Result<(), RunnerError> {
    let lock = container.watch()?;
    let hub = Arc::new(Hub::new(container));
    hub.note_monitor()?;
    match start(&hub, layers, first, started) {
        Ok((prepared, launched)) => watch(&hub, layers, lock, prepared, launched),
        Err(error) => {
            hub.note_failure(&error)?;
            if hub.container().config.remove {
                remove(layers, &hub.container())?;
            }
            Err(error)
        }
    }
}

fn start(
    hub: &Arc<Hub>,
    layers: &Layers,
    first: UnixStream,
    started: &mut dyn FnMut(Option<&str>),
) -> Result<(Prepared, Launched), RunnerError> {
    let first = requests::first(hub, first);
    socket::listen(hub)?;
    let container = hub.container();
    let prepared = launch::prepare(&container, layers)?;
    let mut launched = launch::launch(&container.config, &prepared)?;
    hub.note_start(&mut launched)?;
    // A container that runs for weeks must not keep others from collecting.
    layers.store().stand_aside()?;
    started(launched.no_private_network.as_deref());
    first.started();
    health::start(hub).map_err(|source| RunnerError::Thread { source })?;
    Ok((prepared, launched))
}

/// Watches over a container that runs, through all restarts.
fn watch(
    hub: &Arc<Hub>,
    layers: &Layers,
    lock: MonitorLock,
    prepared: Prepared,
    first: Launched,
) -> Result<(), RunnerError> {
    let mut pause = RESTART_PAUSE;
    let mut launched = Some(first);
    let last = loop {
        let ended = match launched.take() {
            Some(launched) => until_end(hub, launched)?,
            // It could not be started again, which counts as an end.
            None => Exited { code: 125, oom_killed: false, pids_reached: false },
        };
        if hub.uptime() > STABLE_RUN {
            pause = RESTART_PAUSE;
        }
        if !hub.note_end(ended)? {
            break ended;
        }
        hub.tell_end(ended, false);
        if hub.wait_for_stop(pause) {
            hub.note_no_restart()?;
            break ended;
        }
        pause = MAX_RESTART_PAUSE.min(pause * 2);
        launched = match launch::launch(&hub.container().config, &prepared) {
            Ok(mut launched) => hub.note_start(&mut launched).map(|()| Some(launched))?,
            Err(error) => hub.note_failure(&error).map(|()| None)?,
        };
    };
    drop(prepared);
    let container = hub.container();
    if container.config.remove {
        remove(layers, &container)?;
    } else {
        // A socket that nobody listens on does no harm.
        let _ = endpoint::remove(container.dir());
    }
    drop(lock);
    hub.tell_end(last, true);
    hub.wait_for_clients();
    Ok(())
}

/// Removes a container of `run --rm`, and its anonymous volumes.
fn remove(layers: &Layers, container: &Container) -> Result<(), RunnerError> {
    container.remove_dir()?;
    volumes::remove_of(layers.store(), container)
}

/// Passes on the output of a process until it has ended.
fn until_end(hub: &Arc<Hub>, launched: Launched) -> Result<Exited, RunnerError> {
    let Launched { running, streams, .. } = launched;
    let copying = output::start(hub, streams);
    if copying.is_err() {
        hub.kill();
    }
    hub.run(running);
    let (exit, reached) = hub.wait()?;
    hub.lift_limits();
    copying.map_err(|source| RunnerError::Thread { source })?.into_iter().for_each(|thread| {
        let _ = thread.join();
    });
    hub.sync_log();
    Ok(Exited { code: exit_code(exit), oom_killed: reached.memory, pids_reached: reached.pids })
}

/// Returns the exit code that a shell would report: for a signal, 128 and its number.
fn exit_code(exit: Exit) -> i32 {
    match exit {
        Exit::Code(code) => code,
        Exit::Signal(signal) => 128 + signal,
    }
}
