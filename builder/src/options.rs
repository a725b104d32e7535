//! Settings of one build that the user gives to its steps.

use std::collections::BTreeMap;
use std::path::PathBuf;

use graph::AllowedDevices;
use patterns::IgnoreFile;
use sources::FetchOptions;

/// Settings of one build that no key contains.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Secrets, SSH agents and credentials.
    pub fetch: FetchOptions,
    /// Devices that RUNs may use.
    pub devices: AllowedDevices,
    /// Latest source date of the outputs, in seconds since 1970; `None` if no output has one. File times before it are part
    /// of keys, because they show in the layers.
    pub source_date_s: Option<i64>,
    /// Directories with device descriptions (CDI); later ones win.
    pub device_folders: Vec<PathBuf>,
    /// Reason why this process can start no sandbox, which only RUN needs. `None` if it can.
    pub no_isolation: Option<String>,
    /// Whether this process has a single user ID: changes of owners and users have no effect in RUN, and all new files belong
    /// to root.
    pub has_single_id: bool,
    /// --secrets=strict: a RUN that leaves a secret in its layer fails; otherwise it gets a warning.
    pub strict_secrets: bool,
    /// --memory and --pids-limit: limits on each RUN.
    pub limits: sandbox::Limits,
    /// --network-fallback=host: RUNs use this machine's network where a private one is unavailable; otherwise they fail.
    pub host_network_fallback: bool,
    /// Identifies this Dockerfile among those built with the store, so that a miss can be compared with its last build.
    pub project: String,
    /// Ignore files of the local contexts by name of the context, for messages about files that are excluded.
    pub ignore_files: BTreeMap<String, IgnoreFile>,
}
