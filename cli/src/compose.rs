//! Flags of `dsbuild compose`, which are those of docker compose.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Arguments of `dsbuild compose`.
#[derive(Debug, Args)]
pub struct ComposeArgs {
    /// Files and name of the project.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Command for the project.
    #[command(subcommand)]
    pub command: ComposeCommand,
}

/// Flags that choose a project.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// Compose file; several are merged in order; - reads stdin [default: compose.yaml here or in a directory above]
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<String>,
    /// Name of the project [default: the key `name` of the file, or the name of the directory]
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// Profile whose services are enabled; * for all
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<String>,
    /// File with variables for the Compose file [default: .env in the directory of the project]
    #[arg(long = "env-file", value_name = "FILE")]
    pub env_files: Vec<PathBuf>,
    /// Directory that relative paths begin at [default: that of the first Compose file]
    #[arg(long, visible_alias = "workdir", value_name = "DIR")]
    pub project_directory: Option<PathBuf>,
}

/// Commands of `dsbuild compose`.
#[derive(Debug, Subcommand)]
pub enum ComposeCommand {
    /// Check the Compose files, and print the project that they describe
    #[command(visible_alias = "convert")]
    Config(ConfigArgs),
}

/// Arguments of `dsbuild compose config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Form of the project
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: ConfigFormat,
    /// Only check the files
    #[arg(short, long)]
    pub quiet: bool,
    /// Write the project to a file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the names of the services
    #[arg(long, group = "part")]
    pub services: bool,
    /// Print the images of the services
    #[arg(long, group = "part")]
    pub images: bool,
    /// Print the names of the volumes
    #[arg(long, group = "part")]
    pub volumes: bool,
    /// Print the names of the networks
    #[arg(long, group = "part")]
    pub networks: bool,
    /// Print the names of the profiles
    #[arg(long, group = "part")]
    pub profiles: bool,
    /// Print the variables that are used for the Compose files
    #[arg(long, group = "part")]
    pub environment: bool,
    /// Print a hash of each of these services, separated by commas; * for all
    #[arg(long, group = "part", value_name = "SERVICES")]
    pub hash: Option<String>,
    /// Keep variables instead of replacing them
    #[arg(long)]
    pub no_interpolate: bool,
    /// Keep relative paths instead of making them absolute
    #[arg(long)]
    pub no_path_resolution: bool,
    /// Write nothing out that is implied, such as the default network
    #[arg(long)]
    pub no_normalize: bool,
    /// Accept references to what does not exist
    #[arg(long)]
    pub no_consistency: bool,
    /// Keep env_file instead of reading the variables from it
    #[arg(long)]
    pub no_env_resolution: bool,
    /// Services to print, together with their dependencies [default: all]
    #[arg(value_name = "SERVICE")]
    pub chosen: Vec<String>,
}

/// Form in which `dsbuild compose config` prints a project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ConfigFormat {
    /// YAML, in the form of a Compose file
    #[default]
    Yaml,
    /// A single JSON document
    Json,
}
