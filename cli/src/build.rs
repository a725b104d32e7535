//! Flags of `dsbuild build`, which are those of docker.
//!
//! Switches take a value as docker's do (`--pull=true`), and the last of several wins.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::docker::DockerArgs;
use super::values::switch;

/// File that `--timings` writes if no other is named.
pub const DEFAULT_TIMINGS_FILE: &str = "dsbuild-timings.html";

/// Arguments of `dsbuild build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Name of the image
    #[arg(short, long = "tag", value_name = "NAME[:TAG]")]
    pub tags: Vec<String>,
    /// Dockerfile [default: CONTEXT/Dockerfile]; `-` reads stdin
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Stage to build [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// Set an ARG; without a value it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    pub build_args: Vec<String>,
    /// Set a label of the image
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub labels: Vec<String>,
    /// Write the result: type=image, registry, oci, docker, local, tar or cacheonly [default: type=image]
    #[arg(short, long = "output", value_name = "type=TYPE[,dest=PATH]")]
    pub outputs: Vec<String>,
    /// Keep the image in the store: short for --output type=image
    #[arg(long, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(hide_default_value = true, action = clap::ArgAction::Set)]
    pub load: bool,
    /// Push the image to the registry in its name: short for --output type=registry
    #[arg(long, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(hide_default_value = true, action = clap::ArgAction::Set)]
    pub push: bool,
    /// Name another context, for FROM, COPY --from and RUN --mount
    #[arg(long = "build-context", value_name = "NAME=SOURCE")]
    pub build_contexts: Vec<String>,
    /// Provide a secret for RUN --mount=type=secret
    #[arg(long = "secret", value_name = "id=ID[,src=PATH|,env=NAME]")]
    pub secrets: Vec<String>,
    /// Secrets that RUN leaves in its layer: warn about them, or fail (strict)
    #[arg(long = "secrets", value_name = "MODE", value_parser = ["warn", "strict"], default_value = "warn")]
    pub secrets_mode: String,
    /// Provide an SSH agent or a private key for RUN --mount=type=ssh
    #[arg(long = "ssh", value_name = "default|ID[=SOCKET|KEY[,KEY]]")]
    pub ssh: Vec<String>,
    /// Run every step, even if its result is cached
    #[arg(long, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(hide_default_value = true, action = clap::ArgAction::Set)]
    pub no_cache: bool,
    /// Run every step of these stages, even if its result is cached
    #[arg(long = "no-cache-filter", value_name = "STAGE", value_delimiter = ',')]
    pub no_cache_filter: Vec<String>,
    /// Ask registries for the current image of each name, even if the store has one
    #[arg(long, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(hide_default_value = true, action = clap::ArgAction::Set)]
    pub pull: bool,
    /// Platform to build for [default: that of this machine]
    #[arg(long = "platform", value_name = "OS/ARCH", value_delimiter = ',')]
    pub platforms: Vec<String>,
    /// Network of RUN: default (or bridge), none or host
    #[arg(long, value_name = "MODE", default_value = "default")]
    pub network: String,
    /// Network of RUN where no private network is available: error makes RUN fail, host allows that of this machine
    #[arg(
        long,
        value_name = "MODE",
        env = "DSBUILD_NETWORK_FALLBACK",
        value_parser = ["error", "host"],
        default_value = "error",
        hide_env_values = true
    )]
    pub network_fallback: String,
    /// Add an entry to /etc/hosts for RUN; host-gateway stands for the address of this machine
    #[arg(long = "add-host", value_name = "HOST:IP", value_delimiter = ',')]
    pub add_hosts: Vec<String>,
    /// Memory that the processes of each RUN can use together, swap included
    #[arg(short, long, value_name = "BYTES")]
    pub memory: Option<String>,
    /// Number of processes and threads of each RUN [default: no limit]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub pids_limit: Option<i64>,
    /// Size of /dev/shm for RUN
    #[arg(long, value_name = "BYTES")]
    pub shm_size: Option<String>,
    /// Set a resource limit for RUN
    #[arg(long = "ulimit", value_name = "NAME=SOFT[:HARD]")]
    pub ulimits: Vec<String>,
    /// Allow the Dockerfile more: network.host, security.insecure, device, device=NAME
    #[arg(long = "allow", value_name = "ENTITLEMENT")]
    pub allow: Vec<String>,
    /// Directory with CDI specs, which describe the devices of RUN --device; later directories win
    #[arg(
        long = "cdi-spec-dir",
        value_name = "DIR",
        env = "DSBUILD_CDI_SPEC_DIRS",
        value_delimiter = ':',
        default_values = ["/etc/buildkit/cdi", "/etc/cdi", "/var/run/cdi"],
        hide_env_values = true
    )]
    pub cdi_spec_dirs: Vec<PathBuf>,
    /// Number of steps that run at once [default: twice the number of processors, at least 8]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Form of the progress on stderr
    #[arg(long, value_enum, env = "BUILDKIT_PROGRESS", default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
    /// Print only the ID of the image
    #[arg(short, long, value_name = "BOOL", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(hide_default_value = true, action = clap::ArgAction::Set)]
    pub quiet: bool,
    /// Write the ID of the image to a file
    #[arg(long, value_name = "FILE")]
    pub iidfile: Option<PathBuf>,
    /// Write digests and names of the result to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<PathBuf>,
    /// Write where the time went: a page, or a trace if FILE ends in .json [default FILE: dsbuild-timings.html]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = DEFAULT_TIMINGS_FILE)]
    pub timings: Vec<PathBuf>,
    /// Add an annotation to the image
    #[arg(long = "annotation", value_name = "NAME=VALUE")]
    pub annotations: Vec<String>,
    /// Attach an SBOM: the packages in the image, as SPDX
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub sbom: Option<String>,
    /// Attach the provenance: how the image was built, as SLSA; mode=max adds build arguments, steps and the Dockerfile
    #[arg(long, value_name = "BOOL|mode=min|mode=max", num_args = 0..=1, default_missing_value = "true")]
    pub provenance: Option<String>,
    /// Attach an attestation; --sbom and --provenance are short for it
    #[arg(long, value_name = "type=sbom|type=provenance[,FIELD=VALUE]")]
    pub attest: Vec<String>,
    /// Registry that is reached by plain HTTP
    #[arg(long = "insecure-registry", value_name = "HOST[:PORT]")]
    pub insecure_registries: Vec<String>,
    /// Mirror to pull a registry's images from
    #[arg(long = "registry-mirror", value_name = "REGISTRY=URL")]
    pub registry_mirrors: Vec<String>,
    /// Check the Dockerfile instead of building it: short for --call check
    #[arg(long, value_name = "BOOL", value_parser = switch, conflicts_with = "call")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(hide_default_value = true, action = clap::ArgAction::Set)]
    pub check: bool,
    /// Describe the Dockerfile instead of building it: check, outline or targets
    #[arg(long, value_name = "METHOD[,format=json]")]
    pub call: Option<String>,
    /// Format of --check and --call: text or json
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,
    /// Flags of docker that have no effect here.
    #[command(flatten)]
    pub docker: DockerArgs,
    /// Directory with the files to build from, a git or HTTP URL, or `-`: an archive, or a Dockerfile alone, on stdin
    pub context: String,
}

/// Form in which progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// `tty` on a terminal, else `plain`
    Auto,
    /// A view that is redrawn in place
    Tty,
    /// One line for each event
    Plain,
    /// One JSON object a line, as BuildKit writes them
    Rawjson,
    /// Only the ID of the image
    Quiet,
    /// No output at all
    None,
}
