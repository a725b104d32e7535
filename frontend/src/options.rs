//! What a user asks for: plain data, filled by the command line.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use oci::{DiffId, Platform};

use graph::{AllowedDevices, NetworkMode, Ulimit};
use patterns::IgnoreFile;

/// Everything that decides what is built. How it is shown and where it goes is elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The Dockerfile's name as people see it, `Dockerfile`.
    pub dockerfile_name: String,
    /// The main context.
    pub context: Context,
    /// `--build-context`, by lower-case name; `name::platform` where given so.
    pub named_contexts: BTreeMap<String, NamedContext>,
    /// `--target`; the last stage where absent.
    pub target: Option<String>,
    /// `--build-arg`. (`SOURCE_DATE_EPOCH` of the environment is put here by the command line, unless given.)
    pub build_args: BTreeMap<String, String>,
    /// `--label`, in order.
    pub labels: Vec<(String, String)>,
    /// `--platform`; this machine's where empty.
    pub platforms: Vec<Platform>,
    /// `--no-cache`.
    pub no_cache: bool,
    /// `--no-cache-filter`: lower-case stage names.
    pub no_cache_filter: Vec<String>,
    /// `--network`.
    pub network: NetworkMode,
    /// `--add-host`, in order.
    pub add_hosts: Vec<(String, IpAddr)>,
    /// `--shm-size`.
    pub shm_size_bytes: Option<u64>,
    /// `--ulimit`.
    pub ulimits: Vec<Ulimit>,
    /// `--allow`.
    pub allow: Entitlements,
}

/// What a Dockerfile may do beyond the usual, because the user said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entitlements {
    /// `network.host`.
    pub network_host: bool,
    /// `security.insecure`.
    pub security_insecure: bool,
    /// `device`.
    pub devices: AllowedDevices,
}

/// The main build context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Context {
    /// No files (a Dockerfile from stdin alone).
    #[default]
    Empty,
    /// A folder and what is left out of it.
    Local {
        /// The folder, absolute.
        path: PathBuf,
        /// Its ignore file.
        ignore: IgnoreFile,
    },
    /// Files that were brought into the store: a repository, an archive.
    Stored {
        /// What the user called it, without user and password.
        origin: String,
        /// The files.
        layer: DiffId,
        /// Of the commit, or of the newest file; seconds since 1970.
        time_s: Option<i64>,
        /// True for a repository.
        is_commit: bool,
    },
}

/// What a name of `--build-context` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamedContext {
    /// A folder and what is left out of it.
    Local {
        /// The folder, absolute.
        path: PathBuf,
        /// Its `.dockerignore`.
        ignore: IgnoreFile,
    },
    /// `docker-image://ref`; `scratch` stands for nothing.
    Image(String),
    /// `oci-layout://path[:tag][@digest]`.
    Layout {
        /// The folder, absolute.
        path: PathBuf,
        /// Which of its images, by name or tag.
        tag: Option<String>,
        /// Which of its images, by digest.
        digest: Option<oci::Digest>,
    },
    /// A git URL.
    Git(String),
    /// An HTTP(S) URL.
    Http(String),
}
