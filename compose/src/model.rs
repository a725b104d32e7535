//! The project that Compose files describe, as typed values.
//!
//! ```text
//! values     forms that several keys share: sizes, durations, command lines, pairs
//! service    a service; build, deploy, mounts, container: its larger parts
//! resources  networks, volumes, configs, secrets, models
//! hash       by which a changed service is known
//! project    all of them; what `compose config` prints
//! ```
//!
//! The types are read from a canonical tree, and written as JSON in the form of `docker compose config`.

mod build;
mod container;
mod deploy;
mod hash;
mod mounts;
mod project;
mod resources;
mod service;
mod values;

pub use build::{Build, Hook, SshKey, Trigger};
pub use container::{
    Blkio, Condition, CredentialSpec, Dependency, DeviceRate, DeviceWeight, HealthCheck, Logging, ModelUse,
    NetworkUse, Port, Provider,
};
pub use deploy::{
    Deploy, DeviceRequest, DiscreteResource, GenericResource, Limits, Placement, Preference, Resources,
    RestartPolicy, Update,
};
pub use mounts::{Bind, Device, EnvFile, FileMount, ImageMount, Mount, TmpfsMount, VolumeMount};
pub use project::Project;
pub use resources::{FileSource, Ipam, Model, Network, Pool, Volume};
pub use service::{Develop, Extends, Service};
pub use values::{Bytes, Command, Environment, FileMode, Hosts, Pairs, Span, Ulimit};

/// Reports whether a value is that of its type's default, which is left out of JSON.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Defines a struct whose fields can all be absent, in a tree and in JSON.
macro_rules! keys {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $kind:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$field_meta])* #[serde(skip_serializing_if = "crate::model::is_default")] pub $field: $kind,)*
        }
    };
}
pub(crate) use keys;
