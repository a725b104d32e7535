//! The document `state.json` of a container: start, end and exit code.

use serde::{Deserialize, Serialize};

/// Facts about the run of a container. Every field is `None` until it happens.
///
/// Whether the container runs now is not in this document: see [`super::Container::is_running`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
}
