//! How an image is built, and what runs beside the container that is made of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::mounts::FileMount;
use super::values::{self, Bytes, Command, Environment, Hosts, Pairs, Ulimit};
use super::{is_default, keys};

keys! {
    /// The key `build` of a service.
    pub struct Build {
        /// Directory, URL or Git repository that the build can copy from.
        pub context: String,
        /// Path of the Dockerfile, relative to the context.
        pub dockerfile: String,
        /// Text of the Dockerfile, in place of a file.
        pub dockerfile_inline: String,
        /// Rights that RUN instructions can ask for.
        pub entitlements: Vec<String>,
        /// Build arguments; `None` for one that has no value.
        pub args: Environment,
        /// Whether and how provenance is attached: `true`, `false` or `mode=max`.
        pub provenance: String,
        /// Whether and how a bill of materials is attached.
        pub sbom: String,
        /// SSH agents and keys, by ID.
        #[serde(deserialize_with = "ssh_keys")]
        pub ssh: Vec<SshKey>,
        /// Labels of the image.
        pub labels: Pairs,
        /// Caches from which results are taken.
        pub cache_from: Vec<String>,
        /// Caches to which results are written.
        pub cache_to: Vec<String>,
        /// Whether no cached result is used.
        #[serde(deserialize_with = "values::flag")]
        pub no_cache: bool,
        /// Stages for which no cached result is used.
        #[serde(deserialize_with = "values::texts")]
        pub no_cache_filter: Vec<String>,
        /// Contexts that the Dockerfile can name.
        pub additional_contexts: Pairs,
        /// Whether base images are pulled even if they are there.
        #[serde(deserialize_with = "values::flag")]
        pub pull: bool,
        /// Further hosts for RUN instructions.
        pub extra_hosts: Hosts,
        /// Isolation technology of Windows.
        pub isolation: String,
        /// Network of RUN instructions.
        pub network: String,
        /// Stage to build; the last one if empty.
        pub target: String,
        /// Secrets of RUN instructions.
        pub secrets: Vec<FileMount>,
        /// Size of /dev/shm in RUN instructions.
        pub shm_size: Bytes,
        /// Further names of the image.
        pub tags: Vec<String>,
        /// Limits on the processes of RUN instructions.
        pub ulimits: BTreeMap<String, Ulimit>,
        /// Platforms to build for.
        pub platforms: Vec<String>,
        /// Whether RUN instructions have extended privileges.
        #[serde(deserialize_with = "values::flag")]
        pub privileged: bool,
    }
}

/// Key or agent for SSH connections of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// ID that the Dockerfile names.
    pub id: String,
    /// Path of the key or socket; `None` for the agent of the user.
    pub path: Option<String>,
}

/// Written as `ID` or `ID=PATH`, the form that a Compose file has.
impl Serialize for SshKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.path {
            Some(path) => serializer.collect_str(&format_args!("{}={path}", self.id)),
            None => serializer.serialize_str(&self.id),
        }
    }
}

fn ssh_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SshKey>, D::Error> {
    let map = BTreeMap::<String, Value>::deserialize(deserializer)?;
    let key = |(id, path): (String, Value)| SshKey { id, path: path.as_str().map(ToOwned::to_owned) };
    Ok(map.into_iter().map(key).collect())
}

/// Rule of `compose watch`: files, and what happens when they change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trigger {
    /// Directory or file that is watched.
    pub path: String,
    /// One of `sync`, `rebuild`, `restart`, `sync+restart` and `sync+exec`.
    pub action: String,
    /// Path in the container that changed files are copied to.
    #[serde(skip_serializing_if = "is_default")]
    pub target: String,
    /// Command of the action `sync+exec`.
    pub exec: Hook,
    /// Patterns of files that count; all if empty.
    #[serde(skip_serializing_if = "is_default")]
    pub include: Vec<String>,
    /// Patterns of files that do not count.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore: Vec<String>,
    /// Whether all files are copied at the start.
    #[serde(skip_serializing_if = "is_default")]
    pub initial_sync: bool,
}

/// Command that runs before, after or beside the process of a service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    /// Program and its arguments.
    pub command: Option<Command>,
    /// Image of the container that it runs in; the container of the service if empty.
    #[serde(skip_serializing_if = "is_default")]
    pub image: String,
    /// User that it runs as.
    #[serde(skip_serializing_if = "is_default")]
    pub user: String,
    /// Whether it has extended privileges.
    #[serde(deserialize_with = "values::flag", skip_serializing_if = "is_default")]
    pub privileged: bool,
    /// Working directory of the command.
    #[serde(skip_serializing_if = "is_default")]
    pub working_dir: String,
    /// Variables of the command.
    #[serde(skip_serializing_if = "is_default")]
    pub environment: Environment,
    /// Whether it runs once for each container of the service.
    #[serde(deserialize_with = "values::flag", skip_serializing_if = "is_default")]
    pub per_replica: bool,
}
