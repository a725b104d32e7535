//! Flags of `run` about the life of a container: restarts, health, stopping, log, image.

use std::path::PathBuf;

use clap::Args;

/// Begin, end and health of a container.
#[derive(Debug, Args)]
pub struct LifetimeArgs {
    /// Remove the container when its process ends
    #[arg(long)]
    pub rm: bool,
    /// Start the process again after its end: no, on-failure, on-failure:N, always, unless-stopped
    #[arg(long, value_name = "POLICY", default_value = "no")]
    pub restart: String,
    /// Signal that asks the process to end [default: that of the image, or SIGTERM]
    #[arg(long, value_name = "SIGNAL")]
    pub stop_signal: Option<String>,
    /// Seconds between the stop signal and SIGKILL [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub stop_timeout: Option<u64>,
    /// Write the ID of the container to a file, which must not exist
    #[arg(long, value_name = "FILE")]
    pub cidfile: Option<PathBuf>,
    /// Pull the image: always, missing, or never
    #[arg(long, value_name = "WHEN", value_parser = ["always", "missing", "never"], default_value = "missing")]
    pub pull: String,
    /// Platform of the image, such as linux/arm64 [default: that of this machine]
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<String>,
    /// Print no progress while the image is pulled
    #[arg(short, long)]
    pub quiet: bool,
    /// Where the log is kept: json-file or local, which are the same, or none
    #[arg(long, value_name = "DRIVER", value_parser = ["json-file", "local", "k8s-file", "none"])]
    pub log_driver: Option<String>,
    /// Room for the log: max-size=BYTES, max-file=N [default: max-size=16m, max-file=4]
    #[arg(long = "log-opt", value_name = "NAME=VALUE")]
    pub log_options: Vec<String>,
    /// Command that tells whether the container works
    #[arg(long, value_name = "COMMAND")]
    pub health_cmd: Option<String>,
    /// Time between two checks of the health [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub health_interval: Option<String>,
    /// Time after which a check of the health has failed [default: 30s]
    #[arg(long, value_name = "DURATION")]
    pub health_timeout: Option<String>,
    /// Time after the start in which failed checks of the health do not count [default: 0s]
    #[arg(long, value_name = "DURATION")]
    pub health_start_period: Option<String>,
    /// Time between two checks of the health within the start period [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub health_start_interval: Option<String>,
    /// Number of failed checks that make the container unhealthy [default: 3]
    #[arg(long, value_name = "N")]
    pub health_retries: Option<u32>,
    /// Check no health, whatever the image says
    #[arg(long)]
    pub no_healthcheck: bool,
}
