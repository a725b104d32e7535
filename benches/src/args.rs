//! Command-line flags of the benchmark, and the questions that the rest of the program asks about them.

use std::path::PathBuf;

use clap::Parser;

use crate::workload::When;

/// Measures dsbuild, the other builders of this machine, and the least time that the work takes here.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
pub struct Args {
    /// Only rows with this in their name; may be given more than once
    #[arg(long, value_name = "TEXT")]
    pub only: Vec<String>,
    /// List the names of the rows, and measure nothing
    #[arg(long)]
    pub list: bool,
    /// Few runs: to check that everything works, not to compare
    #[arg(long)]
    pub quick: bool,
    /// The rows that take tens of gigabytes, half a million files and an hour, too
    #[arg(long)]
    pub large: bool,
    /// The rows that lie between others on a curve, too: what one more file, step or gigabyte costs
    #[arg(long)]
    pub curves: bool,
    /// Most runs of a row by each tool [default: 7; with --quick 2]
    #[arg(long, value_name = "N")]
    pub runs: Option<usize>,
    /// A tool does not run a row again if it would then have worked on it for longer [default: 15; with --quick 1]
    #[arg(long, value_name = "SECONDS")]
    pub budget: Option<f64>,
    /// Write all results as JSON, raw samples included
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the chart of the results as SVG
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Print how dsbuild changed since this file, which --json wrote earlier
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Measure nothing: print and draw the results that --json wrote earlier
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "only", "large", "curves"])]
    pub from: Option<PathBuf>,
    /// Leave a tool out: docker, buildah, buildctl, floor
    #[arg(long, value_name = "TOOL")]
    pub without: Vec<String>,
    /// The dsbuild to measure [default: the binary that `cargo xtask dist` made]
    #[arg(long, value_name = "FILE")]
    pub dsbuild: Option<PathBuf>,
    /// A running Docker to measure in place of one of our own; nothing of it is pruned
    #[arg(long, value_name = "unix://PATH|tcp://HOST:PORT")]
    pub docker_host: Option<String>,
    /// A running BuildKit to measure, by the `buildctl` of this machine
    #[arg(long, value_name = "ADDRESS")]
    pub buildctl: Option<String>,
    /// Directory for files while the benchmark runs: on a fast disk with room [default: target/bench]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Set by the benchmark itself inside its namespaces: the directory to fill.
    #[arg(long, hide = true)]
    pub inside: Option<PathBuf>,
}

impl Args {
    /// Reports whether `--only` selects a row; without `--only` every row is selected.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| name.contains(text.as_str()))
    }

    /// Reports whether rows of this kind are measured.
    pub fn includes(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Large => self.large,
            When::Curves => self.curves,
        }
    }

    /// Reports whether a tool is measured, which is the case unless `--without` names it.
    pub fn uses(&self, tool: &str) -> bool {
        !self.without.iter().any(|without| without == tool)
    }

    /// Returns the largest number of runs of a row by each tool; at least 1.
    pub fn max_runs(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 2 } else { 7 }).max(1)
    }

    /// Returns the time in seconds that each tool gets for a row. The first run is done whatever it takes.
    pub fn budget_s(&self) -> f64 {
        self.budget.unwrap_or(if self.quick { 1.0 } else { 15.0 })
    }
}
