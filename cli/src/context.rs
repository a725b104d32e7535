//! Flags of `dsbuild context`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `dsbuild context`.
#[derive(Debug, Args)]
pub struct ContextArgs {
    /// Dockerfile [default: CONTEXT/Dockerfile]; FILE.dockerignore beside it is used instead of .dockerignore
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Stage whose COPYs are considered [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// Set an ARG; without a value it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    pub build_args: Vec<String>,
    /// Format of the report
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    pub format: String,
    /// Number of directory levels to list
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub depth: usize,
    /// Count all excluded files, instead of at most 10000 entries of each directory
    #[arg(long)]
    pub measure: bool,
    /// List the included paths, one a line; directories end in a slash
    #[arg(long, conflicts_with_all = ["ignored", "why"])]
    pub included: bool,
    /// List the excluded paths as `git check-ignore -v` does: FILE:LINE:PATTERN, a tab, the path
    #[arg(long, conflicts_with = "why")]
    pub ignored: bool,
    /// Show the line that decides about a path, in the same form; `::` if no line does
    #[arg(long, value_name = "PATH")]
    pub why: Vec<PathBuf>,
    /// Print lists for programs: exact bytes, with NUL in place of tabs and line ends
    #[arg(short = 'z', long)]
    pub null: bool,
    /// Directory to look at
    #[arg(default_value = ".")]
    pub context: String,
}
