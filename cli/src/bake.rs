//! Flags of `dsbuild bake`, which are those of docker buildx bake.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::build::ProgressMode;

/// Arguments of `dsbuild bake`.
#[derive(Debug, Args)]
pub struct BakeArgs {
    /// Bake file or Compose file; several are merged in order [default: those of docker-bake.hcl, docker-bake.json and
    /// compose.yaml that exist]
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print what would be built, as JSON
    #[arg(long)]
    pub print: bool,
    /// List all targets or all variables of the files
    #[arg(long, value_enum, value_name = "KIND")]
    pub list: Option<BakeList>,
    /// Change a field of targets: app.args.VERSION=2, *.platform=linux/arm64, app.tags+=app:2
    #[arg(long = "set", value_name = "TARGET.FIELD=VALUE")]
    pub overrides: Vec<String>,
    /// Set a variable of the files; it wins over the environment
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub variables: Vec<String>,
    /// Run every step, even if its result is cached
    #[arg(long)]
    pub no_cache: bool,
    /// Ask registries for the current image of each name, even if the store has one
    #[arg(long)]
    pub pull: bool,
    /// Push the images to the registries in their names
    #[arg(long)]
    pub push: bool,
    /// Keep the images in the store, which is the default here
    #[arg(long)]
    pub load: bool,
    /// Check the Dockerfiles instead of building them
    #[arg(long)]
    pub check: bool,
    /// Describe the Dockerfiles instead of building them: check, outline or targets
    #[arg(long, value_name = "METHOD")]
    pub call: Option<String>,
    /// Attach an SBOM to each image
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub sbom: Option<String>,
    /// Attach the provenance to each image
    #[arg(long, value_name = "BOOL|mode=min|mode=max", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub provenance: Option<String>,
    /// Allow the Dockerfiles more: network.host, security.insecure, device
    #[arg(long = "allow", value_name = "ENTITLEMENT")]
    pub allow: Vec<String>,
    /// Write digests and names of the results to a file, as JSON by target
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<PathBuf>,
    /// Form of the progress on stderr
    #[arg(long, value_enum, env = "BUILDKIT_PROGRESS")]
    pub progress: Option<ProgressMode>,
    /// Builder to use; dsbuild has no builders
    #[arg(long, hide = true, value_name = "NAME")]
    pub builder: Option<String>,
    /// Targets and groups to build, also with * [default: the group default]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
}

/// Kind of things that `dsbuild bake --list` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BakeList {
    /// Targets with their descriptions
    Targets,
    /// Variables with their values
    Variables,
}
