//! Stopping containers and sending them signals, through their monitors.

use std::time::Duration;

use crate::container::Container;
use crate::protocol::Request;
use crate::{RunnerError, client, process, stop_signal};

const SIGKILL: i32 = 9;

/// Seconds between the stop signal and SIGKILL if neither the user nor the container says otherwise.
const DEFAULT_PATIENCE_S: u64 = 10;

/// Asks a container to stop, and kills it after `patience_s` (`Some(None)`: never; `None`: as the container has it). Returns
/// once it has ended. A container that does not run is left alone.
///
/// [`RunnerError::BadSignal`] if the signal does not exist; the container then still runs.
pub fn stop(
    container: &Container,
    signal: Option<&str>,
    patience_s: Option<Option<u64>>,
) -> Result<(), RunnerError> {
    let signal = stop_signal::number(signal.unwrap_or(&container.config.stop_signal))?;
    if !container.is_running() {
        return Ok(());
    }
    let own = container.config.life.stop_timeout_s.unwrap_or(DEFAULT_PATIENCE_S);
    let patience_s = patience_s.unwrap_or(Some(own));
    match client::ask(container, &Request::Stop { signal, patience_s }) {
        // A monitor of an older version, or one that has just ended.
        Err(RunnerError::Monitor { .. }) => stop_without_monitor(container, signal, patience_s),
        asked => asked.map(drop),
    }?;
    container.wait()
}

fn stop_without_monitor(
    container: &Container,
    signal: i32,
    patience_s: Option<u64>,
) -> Result<(), RunnerError> {
    process::send(&container.state(), signal)?;
    if !wait_at_most(container, patience_s) {
        process::send(&container.state(), SIGKILL)?;
    }
    Ok(())
}

/// Waits until a container has ended; returns whether it has.
fn wait_at_most(container: &Container, patience_s: Option<u64>) -> bool {
    const POLL: Duration = Duration::from_millis(20);
    let patience = patience_s.map(Duration::from_secs);
    let begin = std::time::Instant::now();
    while container.is_running() {
        if patience.is_some_and(|patience| begin.elapsed() >= patience) {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

/// Sends a signal, by name or number, to a container that runs.
pub fn send(container: &Container, signal: &str) -> Result<(), RunnerError> {
    let number = stop_signal::number(signal)?;
    if !container.is_running() {
        return Err(RunnerError::NotRunning { name: container.config.name.clone() });
    }
    match client::ask(container, &Request::Signal { number }) {
        Err(RunnerError::Monitor { .. }) => process::send(&container.state(), number),
        asked => asked.map(drop),
    }
}

/// Kills a container. Returns once it has ended.
pub fn kill(container: &Container) -> Result<(), RunnerError> {
    stop(container, Some("KILL"), Some(None))
}
