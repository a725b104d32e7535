//! Networks, volumes, configs, secrets and models of a project.

use std::collections::BTreeMap;

use super::keys;
use super::values::{self, Pairs};

keys! {
    /// Network that services are connected to.
    pub struct Network {
        /// Name of the network on the machine.
        pub name: String,
        /// Name of the driver; the default one if empty.
        pub driver: String,
        /// Options of the driver.
        pub driver_opts: Pairs,
        /// Addresses of the network.
        pub ipam: Ipam,
        /// Whether it exists already and is never created or removed.
        #[serde(deserialize_with = "values::flag")]
        pub external: bool,
        /// Whether it has no way to the outside.
        #[serde(deserialize_with = "values::flag")]
        pub internal: bool,
        /// Whether containers outside of the project can be connected.
        #[serde(deserialize_with = "values::flag")]
        pub attachable: bool,
        /// Labels of the network.
        pub labels: Pairs,
        /// Whether it has IPv4; the default of the driver if absent.
        #[serde(deserialize_with = "values::optional_flag")]
        pub enable_ipv4: Option<bool>,
        /// Whether it has IPv6; the default of the driver if absent.
        #[serde(deserialize_with = "values::optional_flag")]
        pub enable_ipv6: Option<bool>,
    }
}

keys! {
    /// Addresses of a network.
    pub struct Ipam {
        /// Name of the address driver.
        pub driver: String,
        /// Pools from which addresses are taken.
        pub config: Vec<Pool>,
        /// Options of the driver.
        pub options: Pairs,
    }
}

keys! {
    /// Pool from which a network takes addresses.
    pub struct Pool {
        /// Subnet, such as `172.28.0.0/16`.
        pub subnet: String,
        /// Address of the gateway.
        pub gateway: String,
        /// Part of the subnet from which addresses are taken.
        pub ip_range: String,
        /// Addresses that are reserved for other hosts, by name.
        pub aux_addresses: Pairs,
    }
}

keys! {
    /// Volume that services mount.
    pub struct Volume {
        /// Name of the volume on the machine.
        pub name: String,
        /// Name of the driver; the default one if empty.
        pub driver: String,
        /// Options of the driver.
        pub driver_opts: Pairs,
        /// Whether it exists already and is never created or removed.
        #[serde(deserialize_with = "values::flag")]
        pub external: bool,
        /// Labels of the volume.
        pub labels: Pairs,
    }
}

keys! {
    /// Config or secret: where its content comes from.
    pub struct FileSource {
        /// Name of the config or secret.
        pub name: String,
        /// Path of the file with the content.
        pub file: String,
        /// Variable with the content.
        pub environment: String,
        /// The content itself, of a config.
        pub content: String,
        /// Whether somebody else manages it.
        #[serde(deserialize_with = "values::flag")]
        pub external: bool,
        /// Labels of the config or secret.
        pub labels: Pairs,
        /// Name of the driver that provides it.
        pub driver: String,
        /// Options of the driver.
        pub driver_opts: BTreeMap<String, String>,
        /// Name of the driver that fills in a template.
        pub template_driver: String,
    }
}

keys! {
    /// Language model that services use.
    pub struct Model {
        /// Name of the model for people.
        pub name: String,
        /// Reference of the model.
        pub model: String,
        /// Size of the context in tokens.
        #[serde(deserialize_with = "values::integer")]
        pub context_size: i64,
        /// Flags of the program that runs the model.
        pub runtime_flags: Vec<String>,
    }
}
