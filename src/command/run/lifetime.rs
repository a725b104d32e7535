//! Flags of `run` about restarts, health and the log.

use oci::Healthcheck;
use runner::container::{HealthCheck, RestartPolicy};
use runner::log::LogLimits;

use crate::failure::Failure;
use cli::container::LifetimeArgs;
use cli::{moment, values};

/// Time between two checks, and time that a check can take, unless flag or image says otherwise.
const DEFAULT_INTERVAL_MS: u64 = 30_000;

/// Time between two checks within the start period.
const DEFAULT_START_INTERVAL_MS: u64 = 5_000;

/// Number of failures that make a container unhealthy.
const DEFAULT_RETRIES: u32 = 3;

/// Reads `--restart`, which excludes `--rm`.
pub fn restart(args: &LifetimeArgs) -> Result<RestartPolicy, Failure> {
    let policy: RestartPolicy = args.restart.parse().map_err(|()| {
        Failure::usage(format!("--restart {:?} is no restart policy", args.restart))
            .hint("use no, on-failure[:N], always or unless-stopped")
    })?;
    if args.rm && policy != RestartPolicy::No {
        return Err(Failure::usage("--rm and --restart exclude each other"));
    }
    Ok(policy)
}

/// Reads `--log-opt` and `--log-driver`.
pub fn log(args: &LifetimeArgs) -> Result<LogLimits, Failure> {
    let mut limits = LogLimits::default();
    for text in &args.log_options {
        let bad = |why: &str| {
            Failure::usage(format!("--log-opt {text:?}: {why}")).hint("for example --log-opt max-size=10m")
        };
        let (name, value) = text.split_once('=').ok_or_else(|| bad("it is not NAME=VALUE"))?;
        match name {
            "max-size" if value == "-1" => limits.max_segment_bytes = u64::MAX,
            "max-size" => limits.max_segment_bytes = values::size_bytes(value, "--log-opt max-size")?,
            "max-file" => {
                let max = value.parse().ok().filter(|max| *max > 0);
                limits.max_segments = max.ok_or_else(|| bad("max-file is a number of files"))?;
            }
            // How docker compresses, labels and buffers its own files.
            "compress" | "mode" | "max-buffer-size" | "labels" | "tag" | "env" => {}
            _ => return Err(bad("the options are max-size and max-file")),
        }
    }
    if args.log_driver.as_deref() == Some("none") {
        limits.max_segments = 0;
    }
    Ok(limits)
}

/// Returns the check of the flags over that of the image; `None` without either.
pub fn health(args: &LifetimeArgs, image: Option<&Healthcheck>) -> Result<Option<HealthCheck>, Failure> {
    if args.no_healthcheck {
        return Ok(None);
    }
    let of_image = image.cloned().unwrap_or_default();
    let test = match &args.health_cmd {
        Some(command) if command == "none" => return Ok(None),
        Some(command) => vec!["CMD-SHELL".to_owned(), command.clone()],
        None => of_image.test,
    };
    if test.is_empty() || test[0] == "NONE" {
        return Ok(None);
    }
    let in_ms = |ns: i64| u64::try_from(ns / 1_000_000).ok().filter(|ms| *ms > 0);
    let time = |flag: &str, text: &Option<String>, of_image: i64, default_ms: u64| match text {
        Some(text) => {
            moment::duration_ms(text).map(|ms| if ms == 0 { default_ms } else { ms }).ok_or_else(|| {
                Failure::usage(format!("{flag} {text:?} is no duration")).hint("for example 30s or 1m30s")
            })
        }
        None => Ok(in_ms(of_image).unwrap_or(default_ms)),
    };
    Ok(Some(HealthCheck {
        test,
        interval_ms: time(
            "--health-interval",
            &args.health_interval,
            of_image.interval_ns,
            DEFAULT_INTERVAL_MS,
        )?,
        timeout_ms: time("--health-timeout", &args.health_timeout, of_image.timeout_ns, DEFAULT_INTERVAL_MS)?,
        start_period_ms: time(
            "--health-start-period",
            &args.health_start_period,
            of_image.start_period_ns,
            0,
        )?,
        start_interval_ms: time(
            "--health-start-interval",
            &args.health_start_interval,
            of_image.start_interval_ns,
            DEFAULT_START_INTERVAL_MS,
        )?,
        retries: args
            .health_retries
            .or_else(|| u32::try_from(of_image.retries).ok())
            .filter(|retries| *retries > 0)
            .unwrap_or(DEFAULT_RETRIES),
    }))
}
