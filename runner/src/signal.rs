//! Stopping a container from another process: by pidfd, and only if its first process is still the same.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::container::Container;
use crate::error::io_error;
use crate::{RunnerError, stop_signal};

/// Interval at which a stop looks whether the container has ended.
const POLL: Duration = Duration::from_millis(20);

const SIGKILL: i32 = 9;

/// Asks a container to stop, with its image's signal, and kills it after `patience`. Returns once it has ended.
///
/// [`RunnerError::BadSignal`] if the signal does not exist; the container then still runs.
pub fn stop(container: &Container, patience: Duration) -> Result<(), RunnerError> {
    send(container, stop_signal::number(&container.config.stop_signal)?)?;
    let deadline = Instant::now() + patience;
    while container.is_running() {
        if Instant::now() >= deadline {
            return kill(container);
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Kills a container. Returns once it has ended.
pub fn kill(container: &Container) -> Result<(), RunnerError> {
    send(container, SIGKILL)?;
    container.wait()
}

/// Sends a signal to the container's first process. Does nothing if that has ended, even if its pid belongs to another
/// process now.
fn send(container: &Container, signal: i32) -> Result<(), RunnerError> {
    let state = container.state();
    let (Some(pid), Some(started)) = (state.pid, state.pid_started_ticks) else { return Ok(()) };
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let Ok(pidfd) = pidfd_open(raw, PidfdFlags::empty()) else { return Ok(()) };
    // Compared after the pidfd was opened, which from then on cannot refer to another process.
    if started_ticks(pid) != Some(started) {
        return Ok(());
    }
    match sandbox::signal::send(pidfd.as_fd(), signal) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            Err(io_error("send a signal to", Path::new(&format!("/proc/{pid}")))(error))
        }
        _ => Ok(()),
    }
}

/// Returns the start of a process in clock ticks since boot, or `None` if there is no such process.
///
/// Source: proc(5), /proc/pid/stat, field 22.
pub(crate) fn started_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name of the program, can contain anything, parentheses too.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_has_a_start() {
        assert!(started_ticks(std::process::id()).is_some());
        assert_eq!(started_ticks(u32::MAX), None);
    }
}
