//! Parts of a service that shape its container: dependencies, health, ports, networks, logs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::{self, Bytes, Pairs, Span};
use super::{is_default, keys};

/// Service that must have reached a state before another one starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// State that is waited for.
    pub condition: Condition,
    /// Whether the dependent service is restarted with this one.
    #[serde(deserialize_with = "values::flag", skip_serializing_if = "is_default")]
    pub restart: bool,
    /// Whether the dependent service fails if this one cannot be started.
    #[serde(deserialize_with = "values::flag")]
    pub required: bool,
}

/// State of a service that another one waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Its containers have been started.
    #[default]
    #[serde(rename = "service_started")]
    Started,
    /// Its health check has passed.
    #[serde(rename = "service_healthy")]
    Healthy,
    /// Its process has ended with exit code 0.
    #[serde(rename = "service_completed_successfully")]
    Completed,
}

keys! {
    /// Test that says whether the process of a service works.
    pub struct HealthCheck {
        /// `CMD` or `CMD-SHELL` with the command, or `NONE`.
        #[serde(deserialize_with = "health_test")]
        pub test: Vec<String>,
        /// Time after which a test has failed.
        pub timeout: Option<Span>,
        /// Time between two tests.
        pub interval: Option<Span>,
        /// Number of failed tests after which the service is unhealthy.
        #[serde(deserialize_with = "values::optional_integer")]
        pub retries: Option<i64>,
        /// Time after the start in which failed tests do not count.
        pub start_period: Option<Span>,
        /// Time between two tests in that period.
        pub start_interval: Option<Span>,
        /// Whether the test of the image is not run.
        #[serde(deserialize_with = "values::flag")]
        pub disable: bool,
    }
}

/// Reads a test, which is a shell command if it is a text.
fn health_test<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Shell(String),
        Words(Vec<String>),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::Shell(line) => vec!["CMD-SHELL".to_owned(), line],
        Form::Words(words) => words,
    })
}

keys! {
    /// Port of a service that can be reached on the machine.
    pub struct Port {
        /// Name of the port for people.
        pub name: String,
        /// `ingress` or `host`, for clusters.
        pub mode: String,
        /// Address of the machine; all addresses if empty.
        pub host_ip: String,
        /// Port in the container.
        #[serde(deserialize_with = "values::integer")]
        pub target: i64,
        /// Port or range of ports of the machine; any port if empty.
        #[serde(deserialize_with = "values::text")]
        pub published: String,
        /// Transport protocol: `tcp` or `udp`.
        pub protocol: String,
        /// Protocol of the application, such as `http`.
        pub app_protocol: String,
    }
}

keys! {
    /// Network that a service is connected to.
    pub struct NetworkUse {
        /// Further names of the service on the network.
        pub aliases: Vec<String>,
        /// Options of the driver.
        pub driver_opts: Pairs,
        /// Priority of the network's gateway as the default one.
        #[serde(deserialize_with = "values::integer")]
        pub gw_priority: i64,
        /// Name of the interface in the container.
        pub interface_name: String,
        /// Fixed IPv4 address of the container.
        pub ipv4_address: String,
        /// Fixed IPv6 address of the container.
        pub ipv6_address: String,
        /// Link-local addresses of the container.
        pub link_local_ips: Vec<String>,
        /// Fixed MAC address of the interface.
        pub mac_address: String,
        /// Order in which networks are connected; the highest first.
        #[serde(deserialize_with = "values::integer")]
        pub priority: i64,
    }
}

keys! {
    /// Where the output of a service goes.
    pub struct Logging {
        /// Name of the log driver.
        pub driver: String,
        /// Options of the driver.
        pub options: Pairs,
    }
}

keys! {
    /// Language model that a service uses.
    pub struct ModelUse {
        /// Variable that gets the address of the model.
        pub endpoint_var: String,
        /// Variable that gets the name of the model.
        pub model_var: String,
    }
}

keys! {
    /// Program that provides a service in place of a container.
    pub struct Provider {
        /// Name of the program.
        #[serde(rename = "type")]
        pub kind: String,
        /// Options of the program, each with its values.
        #[serde(deserialize_with = "values::options")]
        pub options: BTreeMap<String, Vec<String>>,
    }
}

keys! {
    /// Credentials of a managed account on Windows.
    pub struct CredentialSpec {
        /// Name of a config.
        pub config: String,
        /// Path of a file.
        pub file: String,
        /// Name in the registry of Windows.
        pub registry: String,
    }
}

keys! {
    /// Limits on block devices.
    pub struct Blkio {
        /// Share of the bandwidth, from 10 to 1000.
        #[serde(deserialize_with = "values::integer")]
        pub weight: i64,
        /// Share of the bandwidth of single devices.
        pub weight_device: Vec<DeviceWeight>,
        /// Bytes that can be read in a second.
        pub device_read_bps: Vec<DeviceRate>,
        /// Read operations in a second.
        pub device_read_iops: Vec<DeviceRate>,
        /// Bytes that can be written in a second.
        pub device_write_bps: Vec<DeviceRate>,
        /// Write operations in a second.
        pub device_write_iops: Vec<DeviceRate>,
    }
}

/// Limit on one block device. docker compose writes its keys with capitals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceRate {
    /// Path of the device.
    #[serde(rename(serialize = "Path"))]
    pub path: String,
    /// Bytes or operations in a second.
    #[serde(rename(serialize = "Rate"))]
    pub rate: Bytes,
}

/// Share of one block device. docker compose writes its keys with capitals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceWeight {
    /// Path of the device.
    #[serde(rename(serialize = "Path"))]
    pub path: String,
    /// Share of the bandwidth, from 10 to 1000.
    #[serde(rename(serialize = "Weight"), deserialize_with = "values::integer")]
    pub weight: i64,
}
