//! The checks of a container's health: one process after the other, in the container.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::exec::{self, Joined};
use super::exit_code;
use super::hub::Hub;
use super::output::each_piece;
use crate::RunnerError;
use crate::clock::now_ms;
use crate::container::{Health, HealthCheck, HealthResult, HealthStatus};
use crate::protocol::ExecRequest;

/// Number of checks that are kept.
const MAX_RESULTS: usize = 5;

/// Largest output of a check that is kept, in bytes.
const MAX_OUTPUT_BYTES: usize = 4096;

/// Exit code of a check that took too long or could not be started.
const FAILED: i32 = -1;

/// Starts the thread that checks the health, if the container has a check. The thread ends with this process.
pub(super) fn start(hub: &Arc<Hub>) -> io::Result<()> {
    let Some(check) = hub.container().config.life.health else { return Ok(()) };
    let hub = Arc::clone(hub);
    let checking = move || {
        loop {
            let uptime = hub.uptime();
            std::thread::sleep(pause(&check, &hub, uptime));
            if hub.is_running() {
                let result = result(&hub, &check);
                let in_start_period = hub.uptime() < Duration::from_millis(check.start_period_ms);
                // An unwritten state is written by the next check.
                let _ = hub.note(|state| {
                    let health = state.health.get_or_insert_default();
                    add(health, result, &check, in_start_period);
                });
            }
        }
    };
    std::thread::Builder::new().spawn(checking).map(drop)
}

/// Returns the time until the next check.
fn pause(check: &HealthCheck, hub: &Hub, uptime: Duration) -> Duration {
    let is_starting = uptime < Duration::from_millis(check.start_period_ms)
        && hub.state().health.is_none_or(|health| health.status == HealthStatus::Starting);
    Duration::from_millis(if is_starting { check.start_interval_ms } else { check.interval_ms })
}

/// Runs the command once.
fn result(hub: &Hub, check: &HealthCheck) -> HealthResult {
    let started_ms = now_ms();
    let request = ExecRequest { args: command(&check.test), ..ExecRequest::default() };
    let timeout = Duration::from_millis(check.timeout_ms);
    let (exit_code, output) = match exec::start(hub, &request) {
        Ok(joined) => run(joined, timeout).unwrap_or_else(|error| (FAILED, error.to_string())),
        Err(error) => (FAILED, error.to_string()),
    };
    HealthResult { started_ms, ended_ms: now_ms(), exit_code, output }
}

/// Returns the program and its arguments of a test in docker's form.
fn command(test: &[String]) -> Vec<String> {
    match test.split_first() {
        Some((kind, line)) if kind == "CMD-SHELL" => {
            ["/bin/sh", "-c", &line.join(" ")].map(str::to_owned).to_vec()
        }
        Some((kind, args)) if kind == "CMD" => args.to_vec(),
        _ => test.to_vec(),
    }
}

/// Waits for the end of the command; one that takes too long is killed.
fn run(joined: Joined, timeout: Duration) -> Result<(i32, String), RunnerError> {
    let Joined { mut running, outputs, .. } = joined;
    let output = Arc::new(Mutex::new(Vec::new()));
    let mut readers = Vec::new();
    for (_, mut pipe) in outputs {
        let output = Arc::clone(&output);
        let read = move || {
            each_piece(&mut pipe, &mut |piece| {
                let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_OUTPUT_BYTES.saturating_sub(output.len());
                output.extend(&piece[..room.min(piece.len())]);
            });
        };
        let reader = std::thread::Builder::new().spawn(read);
        readers.push(reader.map_err(|source| RunnerError::Thread { source })?);
    }
    let begin = Instant::now();
    let Some(exit) = running.wait_timeout(timeout)? else {
        drop(running);
        let seconds = begin.elapsed().as_secs();
        return Ok((FAILED, format!("the check took longer than {seconds} s and was killed")));
    };
    while readers.iter().any(|reader| !reader.is_finished()) && begin.elapsed() < timeout {
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = output.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((exit_code(exit), String::from_utf8_lossy(&output).into_owned()))
}

/// Adds the result of a check. A failure within the start period does not count until a check has succeeded.
fn add(health: &mut Health, result: HealthResult, check: &HealthCheck, in_start_period: bool) {
    if result.exit_code == 0 {
        (health.status, health.failing_streak) = (HealthStatus::Healthy, 0);
    } else if health.status != HealthStatus::Starting || !in_start_period {
        health.failing_streak += 1;
        if health.failing_streak >= check.retries {
            health.status = HealthStatus::Unhealthy;
        }
    }
    health.log.push(result);
    let excess = health.log.len().saturating_sub(MAX_RESULTS);
    health.log.drain(..excess);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(codes: &[i32], retries: u32, in_start_period: bool) -> (HealthStatus, u32) {
        let check = HealthCheck {
            test: vec!["CMD".to_owned(), "true".to_owned()],
            interval_ms: 1,
            timeout_ms: 1,
            start_period_ms: 1,
            start_interval_ms: 1,
            retries,
        };
        let mut health = Health::default();
        for exit_code in codes {
            let result =
                HealthResult { started_ms: 0, ended_ms: 0, exit_code: *exit_code, output: String::new() };
            add(&mut health, result, &check, in_start_period);
        }
        assert!(health.log.len() <= MAX_RESULTS);
        (health.status, health.failing_streak)
    }

    #[test]
    fn a_container_is_unhealthy_after_enough_failures() {
        assert_eq!(after(&[], 2, false), (HealthStatus::Starting, 0));
        assert_eq!(after(&[1], 2, false), (HealthStatus::Starting, 1));
        assert_eq!(after(&[1, -1], 2, false), (HealthStatus::Unhealthy, 2));
        assert_eq!(after(&[1, 0, 1], 2, false), (HealthStatus::Healthy, 1));
        assert_eq!(after(&[1, 1, 0], 2, false), (HealthStatus::Healthy, 0));
        assert_eq!(after(&[1; 20], 2, true), (HealthStatus::Starting, 0));
        assert_eq!(after(&[0, 1, 1], 2, true), (HealthStatus::Unhealthy, 2));
    }

    #[test]
    fn a_test_is_a_program_or_a_line_for_the_shell() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(command(&words("CMD curl -f x")), words("curl -f x"));
        assert_eq!(command(&words("CMD-SHELL curl -f x")), ["/bin/sh", "-c", "curl -f x"]);
    }
}
