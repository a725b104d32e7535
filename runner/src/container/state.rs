//! The document `state.json` of a container: start, end, exit code, health.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Facts about the last run of a container. Every field is `None` until it happens.
///
/// Whether the container runs now is not in this document: see [`super::Container::status`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerState {
    /// Process id of the container's first process, as this machine numbers it.
    pub pid: Option<u32>,
    /// Start of that process in clock ticks since boot, which tells it from a later process with the same pid.
    pub pid_started_ticks: Option<u64>,
    /// Start of the container, in milliseconds since 1970.
    pub started_ms: Option<u64>,
    /// End of the container, or of the attempt to start it, in milliseconds since 1970.
    pub ended_ms: Option<u64>,
    /// Exit code of the first process; 128 and the signal's number if a signal ended it.
    pub exit_code: Option<i32>,
    /// Whether the kernel killed a process of the container because it reached --memory.
    #[serde(default)]
    pub oom_killed: bool,
    /// Error that kept the container from starting.
    pub error: Option<String>,
    /// Boot of the machine in which the container was started.
    #[serde(default)]
    pub boot_id: Option<String>,
    /// Process id of the monitor.
    #[serde(default)]
    pub monitor_pid: Option<u32>,
    /// Whether all processes are frozen.
    #[serde(default)]
    pub paused: bool,
    /// Whether the container has ended, and its monitor is about to start it again.
    #[serde(default)]
    pub restarting: bool,
    /// Number of times that the monitor has started the container again.
    #[serde(default)]
    pub restart_count: u32,
    /// Health of a container that has a check.
    #[serde(default)]
    pub health: Option<Health>,
    /// Mount points that the sandbox has made in the root file system, relative to its root.
    #[serde(default)]
    pub mount_points: Vec<PathBuf>,
    /// Whether the user has stopped the container, so that it is not started again.
    #[serde(default)]
    pub stopped_by_user: bool,
}

/// Health of a container, and the checks that led to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Verdict about the container.
    pub status: HealthStatus,
    /// Number of failures since the last success.
    pub failing_streak: u32,
    /// The last checks, the oldest first.
    pub log: Vec<HealthResult>,
}

/// Verdict about the health of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// No check has succeeded yet, and not too many have failed.
    #[default]
    Starting,
    /// The last check succeeded, or not enough have failed since.
    Healthy,
    /// As many checks as `retries` failed one after the other.
    Unhealthy,
}

impl HealthStatus {
    /// Returns docker's word for the verdict.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// One check of the health of a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthResult {
    /// Begin of the check, in milliseconds since 1970.
    pub started_ms: u64,
    /// End of the check, in milliseconds since 1970.
    pub ended_ms: u64,
    /// Exit code of the command; -1 if it took too long or could not be started.
    pub exit_code: i32,
    /// Beginning of its output.
    pub output: String,
}

/// State of a container in docker's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was never started, or is being started.
    Created,
    /// Its first process runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Its process has ended, and the monitor starts it again soon.
    Restarting,
    /// Its process has ended, or the machine was started anew since.
    Exited,
    /// Its monitor was killed, so that nobody knows how it ended.
    Dead,
}

impl Status {
    /// Returns docker's word for the state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
            Self::Dead => "dead",
        }
    }

    /// Returns the state that a document and the lock of the monitor mean together, in the boot `boot_id`.
    pub(super) fn of(state: &ContainerState, is_locked: bool, boot_id: &str) -> Self {
        let has_ended = state.exit_code.is_some() || state.error.is_some();
        match (is_locked, state.started_ms) {
            (true, _) if state.restarting => Self::Restarting,
            (true, Some(_)) if !has_ended => {
                if state.paused {
                    Self::Paused
                } else {
                    Self::Running
                }
            }
            (true, _) => Self::Created,
            (false, _) if has_ended => Self::Exited,
            (false, Some(_)) if state.boot_id.as_deref().is_some_and(|boot| boot != boot_id) => Self::Exited,
            (false, Some(_)) => Self::Dead,
            (false, None) => Self::Created,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_and_document_together_tell_the_state() {
        let started =
            ContainerState { started_ms: Some(1), boot_id: Some("a".into()), ..ContainerState::default() };
        let ended = ContainerState { exit_code: Some(0), ..started.clone() };
        let paused = ContainerState { paused: true, ..started.clone() };
        let restarting = ContainerState { restarting: true, ..ended.clone() };
        let check = |state: &ContainerState, is_locked: bool, boot: &str, expected: Status| {
            assert_eq!(Status::of(state, is_locked, boot), expected, "{state:?} {is_locked}");
        };
        check(&ContainerState::default(), false, "a", Status::Created);
        check(&ContainerState::default(), true, "a", Status::Created);
        check(&started, true, "a", Status::Running);
        check(&paused, true, "a", Status::Paused);
        check(&restarting, true, "a", Status::Restarting);
        check(&ended, false, "a", Status::Exited);
        check(&restarting, false, "a", Status::Exited);
        check(&started, false, "a", Status::Dead);
        check(&started, false, "b", Status::Exited);
    }
}
