//! Flags of `dsbuild parse` and `fmt`, which only look at Dockerfiles.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `dsbuild parse`.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// Format of the result
    #[arg(long, value_parser = ["json"], default_value = "json")]
    pub format: String,
    /// Dockerfile to parse; `-` reads stdin
    pub file: PathBuf,
}

/// Arguments of `dsbuild fmt`.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Change nothing; print the names of files that are not formatted, and exit with 1 if there are any
    #[arg(long)]
    pub check: bool,
    /// Dockerfiles to format [default: Dockerfile]; `-` formats stdin to stdout
    pub files: Vec<PathBuf>,
}
