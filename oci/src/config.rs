//! The image config: the settings of containers started from the image, and the history of the image.
//!
//! Source: OCI image-spec v1.1, config.md, and Docker's fields (`Healthcheck`, `OnBuild`, `Shell`,
//! `ArgsEscaped`), which the specification lacks and every builder writes.
//!
//! A config is read as Go reads it, because every other tool is written in Go: `null` is the zero value wherever it
//! stands, and unknown fields are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{DiffId, Platform};

/// The empty object `{}`, the value of each key where Go encodes a set as a JSON object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// The document that the `config` descriptor of a manifest refers to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// Time at which the image was created, in RFC 3339 format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Name and address of the author (MAINTAINER); empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_as_default")]
    pub author: String,
    /// Platform that the image runs on; its fields are inlined in the JSON object.
    #[serde(flatten)]
    pub platform: Platform,
    /// Settings of containers that are started from the image.
    #[serde(default, deserialize_with = "null_as_default")]
    pub config: Config,
    /// Layers of the root file system, by diff ID.
    #[serde(default, deserialize_with = "null_as_default")]
    pub rootfs: RootFs,
    /// One entry for each instruction, oldest first; some builders leave it empty.
    #[serde(default, deserialize_with = "null_items")]
    pub history: Vec<History>,
    /// Fields unknown to this crate, kept as they are.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// Settings of containers that are started from the image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    /// USER: `user[:group]` as names or numbers; empty means root.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_as_default")]
    pub user: String,
    /// EXPOSE: the set of ports the image listens on, as `port/protocol` (`80/tcp`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_values")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// ENV: entries of the form `NAME=value`, in order of definition. [`ImageConfig::parse`] completes others.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_items")]
    pub env: Vec<String>,
    /// ENTRYPOINT: the program and its leading arguments, which `cmd` is appended to.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_null_items")]
    pub entrypoint: Option<Vec<String>>,
    /// CMD: the default arguments of `entrypoint`, or the whole command if that is absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_null_items")]
    pub cmd: Option<Vec<String>>,
    /// VOLUME: the set of paths where a container gets a volume of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_values")]
    pub volumes: BTreeMap<String, Empty>,
    /// WORKDIR: the working directory of the process; empty means `/`.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_as_default")]
    pub working_dir: String,
    /// LABEL: free-form metadata by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_values")]
    pub labels: BTreeMap<String, String>,
    /// STOPSIGNAL: name or number of the signal that asks the process to exit; empty means SIGTERM.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_as_default")]
    pub stop_signal: String,
    /// Docker only, for Windows: the command line in `cmd` is already escaped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "null_as_default")]
    pub args_escaped: bool,
    /// Docker only, HEALTHCHECK: the health check of containers; `None` for images without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Docker only, ONBUILD: instructions that run when another image is built on this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_items")]
    pub on_build: Vec<String>,
    /// Docker only, SHELL: the program that runs shell-form commands; empty means `/bin/sh -c`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_items")]
    pub shell: Vec<String>,
    /// Fields unknown to this crate, kept as they are.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// The command that checks whether a container works, and when it runs.
///
/// A number that is 0 is inherited from the base image, or from Docker's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// The command: `["NONE"]`, `["CMD", argument, ...]` or `["CMD-SHELL", text]`; empty means inherited.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_items")]
    pub test: Vec<String>,
    /// Time between two checks, in nanoseconds.
    #[serde(
        rename = "Interval",
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub interval_ns: i64,
    /// Time after which a check that is still running counts as failed, in nanoseconds.
    #[serde(
        rename = "Timeout",
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub timeout_ns: i64,
    /// Time after the container's start during which failures do not count, in nanoseconds.
    #[serde(
        rename = "StartPeriod",
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub start_period_ns: i64,
    /// Time between two checks during the start period, in nanoseconds.
    #[serde(
        rename = "StartInterval",
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "null_as_default"
    )]
    pub start_interval_ns: i64,
    /// Number of consecutive failures that make the container unhealthy.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "null_as_default")]
    pub retries: i64,
}

/// The layers of an image's root file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`, the only value that the specification defines.
    #[serde(rename = "type", default = "layers", deserialize_with = "null_as_layers")]
    pub kind: String,
    /// Diff IDs from the base layer up; empty for `FROM scratch`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub diff_ids: Vec<DiffId>,
}

impl Default for RootFs {
    fn default() -> Self {
        Self { kind: layers(), diff_ids: Vec::new() }
    }
}

/// History entry of one instruction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Time at which the instruction ran, in RFC 3339 format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Text of the instruction, as in `RUN /bin/sh -c make # buildkit`.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_as_default")]
    pub created_by: String,
    /// Author of the image when the instruction ran; empty if unknown.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_as_default")]
    pub author: String,
    /// Name of the program that wrote the entry, as in `buildkit.dockerfile.v0`.
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "null_as_default")]
    pub comment: String,
    /// True if the instruction created no layer, as is the case for ENV.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "null_as_default")]
    pub empty_layer: bool,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn layers() -> String {
    "layers".to_owned()
}

/// Reads `null` as the default value: Go takes it for the zero value of any type.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a list, where `null` is the empty list, and in it the default value.
pub(crate) fn null_items<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(optional_null_items(deserializer)?.unwrap_or_default())
}

/// Reads a list that can be absent, which `null` is as well. In the list, `null` is the default value.
fn optional_null_items<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let items: Option<Vec<Option<T>>> = Option::deserialize(deserializer)?;
    Ok(items.map(|items| items.into_iter().map(Option::unwrap_or_default).collect()))
}

/// Reads a map, where `null` is the empty map, and as a value the default value.
pub(crate) fn null_values<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let values: Option<BTreeMap<String, Option<T>>> = Option::deserialize(deserializer)?;
    let values = values.unwrap_or_default().into_iter();
    Ok(values.map(|(key, value)| (key, value.unwrap_or_default())).collect())
}

fn null_as_layers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_else(layers))
}
