//! The part of a container's configuration about its life: restarts, health, stopping, log, standard input.

use std::str::FromStr;

use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::log::LogLimits;

/// Settings about the life of a container. The default is that of containers of older versions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LifeConfig {
    /// --restart: when the process is started again after its end.
    pub restart: RestartPolicy,
    /// --log-opt: room for the log.
    pub log: LogLimits,
    /// --stop-timeout: seconds between the stop signal and SIGKILL; 10 if absent.
    pub stop_timeout_s: Option<u64>,
    /// --health-…, or HEALTHCHECK of the image: the command that tells whether the container works.
    pub health: Option<HealthCheck>,
    /// --interactive: whether the process has a standard input that clients can write to.
    pub open_stdin: bool,
    /// Whether standard input ends with the first client that was attached to it.
    pub stdin_once: bool,
    /// ENTRYPOINT in force, for `inspect`.
    pub entrypoint: Vec<String>,
    /// CMD in force, for `inspect`.
    pub cmd: Vec<String>,
    /// ID of the image: the digest of its config.
    pub image_id: Option<Digest>,
    /// Ports that the image or the user exposes, as `80/tcp`.
    pub exposed: Vec<String>,
}

/// When a container is started again after the end of its process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never, the default of docker.
    #[default]
    No,
    /// After an exit code other than 0.
    OnFailure {
        /// Largest number of restarts; not limited if absent.
        max: Option<u32>,
    },
    /// Always, until the user stops it.
    Always,
    /// As `Always`: there is no daemon whose start would make a difference.
    UnlessStopped,
}

impl RestartPolicy {
    /// Reports whether a container is started again that ended with `code` after `restarts` restarts.
    pub fn applies(self, code: i32, restarts: u32) -> bool {
        match self {
            Self::No => false,
            Self::OnFailure { max } => code != 0 && max.is_none_or(|max| restarts < max),
            Self::Always | Self::UnlessStopped => true,
        }
    }

    /// Returns docker's name of the policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::OnFailure { .. } => "on-failure",
            Self::Always => "always",
            Self::UnlessStopped => "unless-stopped",
        }
    }

    /// Returns the largest number of restarts; 0 if it is not limited.
    pub fn max_restarts(self) -> u32 {
        match self {
            Self::OnFailure { max } => max.unwrap_or(0),
            _ => 0,
        }
    }
}

/// Reads `no`, `on-failure`, `on-failure:3`, `always` or `unless-stopped`.
impl FromStr for RestartPolicy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, max) = match text.split_once(':') {
            Some((name, max)) => (name, Some(max.parse::<u32>().map_err(drop)?)),
            None => (text, None),
        };
        match (name, max) {
            ("" | "no", None) => Ok(Self::No),
            ("on-failure", max) => Ok(Self::OnFailure { max: max.filter(|max| *max > 0) }),
            ("always", None) => Ok(Self::Always),
            ("unless-stopped", None) => Ok(Self::UnlessStopped),
            _ => Err(()),
        }
    }
}

/// The command that tells whether a container works, and how often it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Command in docker's form: `CMD` and arguments, or `CMD-SHELL` and a line for the shell.
    pub test: Vec<String>,
    /// Time between two checks, in milliseconds.
    pub interval_ms: u64,
    /// Time after which a check has failed, in milliseconds.
    pub timeout_ms: u64,
    /// Time after the start in which failures do not count, in milliseconds.
    pub start_period_ms: u64,
    /// Time between two checks until the first one succeeds within the start period, in milliseconds.
    pub start_interval_ms: u64,
    /// Number of failures one after the other that make the container unhealthy.
    pub retries: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_policies_are_those_of_docker() {
        let check = |text: &str, expected: Option<RestartPolicy>| {
            assert_eq!(text.parse::<RestartPolicy>().ok(), expected, "{text}");
        };
        check("no", Some(RestartPolicy::No));
        check("on-failure", Some(RestartPolicy::OnFailure { max: None }));
        check("on-failure:3", Some(RestartPolicy::OnFailure { max: Some(3) }));
        check("always", Some(RestartPolicy::Always));
        check("unless-stopped", Some(RestartPolicy::UnlessStopped));
        check("always:3", None);
        check("on-failure:x", None);
        check("sometimes", None);
    }

    #[test]
    fn a_policy_decides_by_exit_code_and_number() {
        let twice = RestartPolicy::OnFailure { max: Some(2) };
        assert!(twice.applies(1, 1) && !twice.applies(1, 2) && !twice.applies(0, 0));
        assert!(RestartPolicy::Always.applies(0, 100) && !RestartPolicy::No.applies(1, 0));
    }
}
