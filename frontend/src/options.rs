//! Options that decide what is built: plain data, filled by the command line.
//!
//! How a build is shown and where its result goes is decided elsewhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use oci::{DiffId, Platform};

use graph::{AllowedDevices, NetworkMode, Ulimit};
use patterns::IgnoreFile;

/// Everything that decides what is built.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Name of the Dockerfile for people, such as `Dockerfile` or `<stdin>`.
    pub dockerfile_name: String,
    /// Main build context, from which COPY and ADD take files.
    pub context: Context,
    /// --build-context: named contexts by lower-case name, or by `name::platform` if given for one platform.
    pub named_contexts: BTreeMap<String, NamedContext>,
    /// --target: name of the stage to build; the last stage if absent.
    pub target: Option<String>,
    /// --build-arg: values by name. The command line adds `SOURCE_DATE_EPOCH` of the environment if it is not given.
    pub build_args: BTreeMap<String, String>,
    /// --label: names and values in the order of the command line.
    pub labels: Vec<(String, String)>,
    /// --platform: platforms to build for; the platform of this machine if empty.
    pub platforms: Vec<Platform>,
    /// --no-cache: whether every step runs even if it is cached.
    pub no_cache: bool,
    /// --no-cache-filter: names of the stages whose steps run even if they are cached, in any case.
    pub no_cache_filter: Vec<String>,
    /// --network: network of each RUN that does not name one.
    pub network: NetworkMode,
    /// --add-host: host names and addresses in the order of the command line.
    pub add_hosts: Vec<(String, IpAddr)>,
    /// --shm-size: size of /dev/shm in bytes; 64 MiB if absent.
    pub shm_size_bytes: Option<u64>,
    /// --ulimit: resource limits of each RUN.
    pub ulimits: Vec<Ulimit>,
    /// --allow: rights that a Dockerfile can ask for.
    pub allow: Entitlements,
}

/// Rights beyond the usual that the user grants to a Dockerfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entitlements {
    /// Whether `RUN --network=host` is allowed (`network.host`).
    pub network_host: bool,
    /// Whether `RUN --security=insecure` is allowed (`security.insecure`).
    pub security_insecure: bool,
    /// Devices that `RUN --device` can ask for (`device`).
    pub devices: AllowedDevices,
}

/// The main build context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Context {
    /// No files: a Dockerfile from standard input alone.
    #[default]
    Empty,
    /// A directory, without the files that its ignore file excludes.
    Local {
        /// Absolute path of the directory.
        path: PathBuf,
        /// Ignore file of the context; without lines if there is no such file.
        ignore: IgnoreFile,
    },
    /// Files that were fetched into the store: a repository or an archive.
    Stored {
        /// Name of the context as the user wrote it, without user and password.
        origin: String,
        /// Layer with the files.
        layer: DiffId,
        /// Time of the commit or of the newest file, in seconds since 1970; `None` if unknown.
        time_s: Option<i64>,
        /// Hash of the commit for a repository; `None` for an archive.
        commit: Option<String>,
        /// Digest of the archive; `None` for a repository.
        archive: Option<oci::Digest>,
    },
}

/// Replacement that a name of `--build-context` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamedContext {
    /// A directory, without the files that its ignore file excludes.
    Local {
        /// Absolute path of the directory.
        path: PathBuf,
        /// The `.dockerignore` of the directory.
        ignore: IgnoreFile,
    },
    /// An image (`docker-image://ref`); `scratch` stands for no files.
    Image(String),
    /// An image of an OCI layout: `oci-layout://path[:tag][@digest]`.
    Layout {
        /// Absolute path of the layout's directory.
        path: PathBuf,
        /// Name or tag of the image; `None` selects by digest, or the only image.
        tag: Option<String>,
        /// Digest of the image; `None` selects by tag, or the only image.
        digest: Option<oci::Digest>,
    },
    /// URL of a git repository.
    Git(String),
    /// URL of a file that is fetched by HTTP(S).
    Http(String),
}
