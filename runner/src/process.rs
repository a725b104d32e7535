//! The first process of a container: signals by pidfd, and only if it is still the same process.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::RunnerError;
use crate::container::ContainerState;
use crate::error::io_error;

/// Sends a signal to the container's first process. Does nothing if that has ended, even if its pid belongs to another
/// process now.
pub(crate) fn send(state: &ContainerState, signal: i32) -> Result<(), RunnerError> {
    let (Some(pid), started) = (state.pid, state.pid_started_ticks) else { return Ok(()) };
    send_to(pid, started, signal)
}

/// Opens the first process of a container; `None` if it has ended.
pub(crate) fn open(state: &ContainerState) -> Option<OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(state.pid?).ok()?)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    // Compared after the pidfd was opened, which from then on cannot refer to another process.
    (started_ticks(state.pid?) == state.pid_started_ticks).then_some(pidfd)
}

/// Sends a signal to the process `pid` that was started at `started`, in clock ticks since boot.
pub(crate) fn send_to(pid: u32, started: Option<u64>, signal: i32) -> Result<(), RunnerError> {
    let Some(started) = started else { return Ok(()) };
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

/// Opens the root directory of the container, as its first process sees it.
pub(crate) fn root(pid: u32) -> Result<OwnedFd, RunnerError> {
    let path = format!("/proc/{pid}/root");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(&path, flags, Mode::empty())
        .map_err(|error| io_error("open", Path::new(&path))(error.into()))
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
