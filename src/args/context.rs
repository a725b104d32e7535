//! `dsbuild context`.

use std::path::PathBuf;

use clap::Args;

/// `context`.
#[derive(Debug, Args)]
pub struct ContextArgs {
    /// The Dockerfile [default: CONTEXT/Dockerfile]; FILE.dockerignore beside it goes before .dockerignore
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The stage whose COPYs count [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,
    /// Set an ARG; without a value it is taken from the environment
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    pub build_args: Vec<String>,
    /// How to print: text or json
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    pub format: String,
    /// How many levels of folders are summed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub depth: usize,
    /// Count all that is left out, however much; else at most 10000 entries of each folder
    #[arg(long)]
    pub measure: bool,
    /// List what is in, a path a line; folders end in a slash
    #[arg(long, conflicts_with_all = ["ignored", "why"])]
    pub included: bool,
    /// List what is left out, as `git check-ignore -v` does: FILE:LINE:PATTERN, a tab, the path
    #[arg(long, conflicts_with = "why")]
    pub ignored: bool,
    /// Which line decides about a path of the context, in the same form; `::` if none does
    #[arg(long, value_name = "PATH")]
    pub why: Vec<PathBuf>,
    /// Lists are for programs: bytes as they are, and NUL instead of tab and line end
    #[arg(short = 'z', long)]
    pub null: bool,
    /// The folder
    #[arg(default_value = ".")]
    pub context: String,
}
