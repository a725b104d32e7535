//! Reaching a container's process from another process: by pidfd, and only if it is still the same process.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::RunnerError;
use crate::container::Container;
use crate::error::io_error;

/// How often a stop looks whether the container has ended.
const POLL: Duration = Duration::from_millis(20);

/// Asks the container to stop, by its image's signal, and kills it after `patience`. Returns once it has ended.
pub fn stop(container: &Container, patience: Duration) -> Result<(), RunnerError> {
    let signal = parse(&container.config.stop_signal).unwrap_or(Signal::TERM);
    send(container, signal)?;
    let deadline = Instant::now() + patience;
    while container.is_running() {
        if Instant::now() >= deadline {
            send(container, Signal::KILL)?;
            return container.wait();
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Kills the container. Returns once it has ended.
pub fn kill(container: &Container) -> Result<(), RunnerError> {
    send(container, Signal::KILL)?;
    container.wait()
}

/// Sends a signal to its first process; nothing happens if that has ended, even if its pid is another's now.
pub fn send(container: &Container, signal: Signal) -> Result<(), RunnerError> {
    let state = container.state();
    let (Some(pid), Some(started)) = (state.pid, state.pid_started_ticks) else { return Ok(()) };
    let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let Ok(pidfd) = pidfd_open(raw, PidfdFlags::empty()) else { return Ok(()) };
    // Compared after the descriptor was opened: from then on it cannot become another process.
    if started_ticks(pid) != Some(started) {
        return Ok(());
    }
    match pidfd_send_signal(&pidfd, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(io_error("send a signal to", Path::new(&format!("/proc/{pid}")))(error.into())),
    }
}

/// When a process started, in clock ticks since boot. Source: proc(5), /proc/pid/stat, field 22.
pub fn started_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name, may contain anything, parentheses too.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

/// `SIGTERM`, `term` or `15`.
fn parse(text: &str) -> Option<Signal> {
    if let Ok(number) = text.parse() {
        return Signal::from_named_raw(number);
    }
    let upper = text.to_ascii_uppercase();
    let number = match upper.strip_prefix("SIG").unwrap_or(&upper) {
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "KILL" => Signal::KILL,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "TERM" => Signal::TERM,
        "WINCH" => Signal::WINCH,
        _ => return None,
    };
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_numbers() {
        let check = |text, expected| assert_eq!(parse(text), expected, "{text}");
        check("SIGTERM", Some(Signal::TERM));
        check("quit", Some(Signal::QUIT));
        check("15", Some(Signal::TERM));
        check("", None);
        check("SIGNONE", None);
    }

    #[test]
    fn a_process_knows_when_it_started() {
        assert!(started_ticks(std::process::id()).is_some());
        assert_eq!(started_ticks(u32::MAX), None);
    }
}
