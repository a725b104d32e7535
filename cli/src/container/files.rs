//! Flags of the commands on the files of containers: `cp`, `diff`, `export`, `commit`.

use std::path::PathBuf;

use clap::Args;

use crate::values::switch;

/// Arguments of `dsbuild cp`.
#[derive(Debug, Args)]
pub struct CpArgs {
    /// Keep the owners of files
    #[arg(short, long)]
    pub archive: bool,
    /// Copy the target of a source that is a symlink
    #[arg(short = 'L', long)]
    pub follow_link: bool,
    /// Print nothing about the copy; nothing is printed anyway
    #[arg(short, long)]
    pub quiet: bool,
    /// Path to copy: CONTAINER:PATH, a path of this machine, or - for a tar from stdin
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Where it goes: CONTAINER:PATH, a path of this machine, or - for a tar to stdout
    #[arg(value_name = "DESTINATION")]
    pub destination: String,
}

/// Arguments of `dsbuild container diff`.
#[derive(Debug, Args)]
pub struct DiffContainerArgs {
    /// Container, by name or ID
    pub container: String,
}

/// Arguments of `dsbuild export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Write to a file [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Container, by name or ID
    pub container: String,
}

/// Arguments of `dsbuild commit`.
#[derive(Debug, Args)]
pub struct CommitArgs {
    /// Author of the image, such as "Ada <ada@example.org>"
    #[arg(short, long, value_name = "TEXT")]
    pub author: Option<String>,
    /// Instruction of a Dockerfile for the configuration of the image: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER,
    /// VOLUME, WORKDIR
    #[arg(short, long = "change", value_name = "INSTRUCTION")]
    pub changes: Vec<String>,
    /// Description of the change
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Pause the container meanwhile
    #[arg(short, long, value_name = "BOOL", value_parser = switch, default_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub pause: bool,
    /// Print only the ID of the image, as is done anyway
    #[arg(short, long)]
    pub quiet: bool,
    /// Container, by name or ID
    pub container: String,
    /// Name of the image [default: no name]
    #[arg(value_name = "NAME[:TAG]")]
    pub image: Option<String>,
}
