//! `dsbuild build`: docker's flags.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::DeviceArgs;
use crate::timings::DEFAULT_FILE;

/// `build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Names of the image
    #[arg(short, long = "tag", value_name = "NAME[:TAG]")]
    pub tags: Vec<String>,
    /// The Dockerfile [default: CONTEXT/Dockerfile]; `-` is stdin
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The stage to build [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// Set an ARG; without a value it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    pub build_args: Vec<String>,
    /// Set a label of the image
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<String>,
    /// Where the result goes [default: type=image]
    #[arg(short, long = "output", value_name = "type=TYPE[,dest=PATH]")]
    pub outputs: Vec<String>,
    /// Keep the image in the store: short for --output type=image
    #[arg(long)]
    pub load: bool,
    /// Push the image to the registry of its name: short for --output type=registry
    #[arg(long)]
    pub push: bool,
    /// More contexts, for FROM, COPY --from and RUN --mount
    #[arg(long = "build-context", value_name = "NAME=SOURCE")]
    pub build_contexts: Vec<String>,
    /// A secret for RUN --mount=type=secret
    #[arg(long = "secret", value_name = "id=ID[,src=PATH|,env=NAME]")]
    pub secrets: Vec<String>,
    /// An SSH agent for RUN --mount=type=ssh
    #[arg(long = "ssh", value_name = "default|ID[=SOCKET]")]
    pub ssh: Vec<String>,
    /// Run every step, whatever the cache has
    #[arg(long)]
    pub no_cache: bool,
    /// Run every step of these stages
    #[arg(long = "no-cache-filter", value_name = "STAGE", value_delimiter = ',')]
    pub no_cache_filter: Vec<String>,
    /// Ask registries for the images that names stand for, even if they are here
    #[arg(long)]
    pub pull: bool,
    /// What to build for [default: this machine]
    #[arg(long = "platform", value_name = "OS/ARCH", value_delimiter = ',')]
    pub platforms: Vec<String>,
    /// The network of RUN: default, none or host
    #[arg(long, value_name = "MODE", default_value = "default")]
    pub network: String,
    /// The network of RUN where a private one is unavailable: error, RUN fails; host, this machine's network
    #[arg(long, value_name = "MODE", env = "DSBUILD_NETWORK_FALLBACK", value_parser = ["error", "host"], default_value = "error")]
    pub network_fallback: String,
    /// One more entry of /etc/hosts for RUN
    #[arg(long = "add-host", value_name = "HOST:IP")]
    pub add_hosts: Vec<String>,
    /// The size of /dev/shm for RUN
    #[arg(long, value_name = "BYTES")]
    pub shm_size: Option<String>,
    /// A limit for RUN
    #[arg(long = "ulimit", value_name = "NAME=SOFT[:HARD]")]
    pub ulimits: Vec<String>,
    /// Let the Dockerfile do more: network.host, security.insecure, device, device=NAME
    #[arg(long = "allow", value_name = "WHAT")]
    pub allow: Vec<String>,
    /// Where devices are described
    #[command(flatten)]
    pub devices: DeviceArgs,
    /// How many steps run at once
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,
    /// How progress is shown
    #[arg(long, value_enum, env = "BUILDKIT_PROGRESS", default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
    /// Print the image's id only
    #[arg(short, long)]
    pub quiet: bool,
    /// Write the image's id to a file
    #[arg(long, value_name = "FILE")]
    pub iidfile: Option<PathBuf>,
    /// Write digests and names to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<PathBuf>,
    /// Write where the time went: a page, or a trace if FILE ends in .json [default FILE: dsbuild-timings.html]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_FILE)]
    pub timings: Vec<PathBuf>,
    /// An annotation of the image
    #[arg(long = "annotation", value_name = "NAME=VALUE")]
    pub annotations: Vec<String>,
    /// Registries that are spoken to over plain HTTP
    #[arg(long = "insecure-registry", value_name = "HOST[:PORT]")]
    pub insecure_registries: Vec<String>,
    /// Where to pull from instead
    #[arg(long = "registry-mirror", value_name = "REGISTRY=URL")]
    pub registry_mirrors: Vec<String>,
    /// Check the Dockerfile instead of building it: short for --call check
    #[arg(long, conflicts_with = "call")]
    pub check: bool,
    /// Tell about the Dockerfile instead of building it: check, outline or targets
    #[arg(long, value_name = "METHOD[,format=json]")]
    pub call: Option<String>,
    /// How --check and --call print: text or json
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// docker's flags that mean nothing here
    #[command(flatten)]
    pub ignored: IgnoredArgs,
    /// The folder with the files to build from, a git or HTTP URL, or `-`: an archive, or a Dockerfile alone, on stdin
    pub context: String,
}

/// Flags that scripts pass and that change nothing here.
#[derive(Debug, Args)]
pub struct IgnoredArgs {
    /// Always done.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub rm: Option<bool>,
    /// Always done.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub force_rm: Option<bool>,
    /// No daemon to send anything to.
    #[arg(long, hide = true)]
    pub compress: bool,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// `tty` on a terminal, else `plain`
    Auto,
    /// A live view
    Tty,
    /// Lines
    Plain,
    /// JSON lines
    Rawjson,
    /// Nothing but the image's id
    Quiet,
    /// Nothing
    None,
}
