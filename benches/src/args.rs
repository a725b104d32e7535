//! The flags.

use std::path::PathBuf;

use clap::Parser;

use crate::workload::When;

/// How fast dsbuild is: beside the builders that this machine has, and beside the least that the work takes here.
#[derive(Debug, Clone, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
pub struct Args {
    /// Only rows with this in their name; may be given more than once
    #[arg(long, value_name = "TEXT")]
    pub only: Vec<String>,
    /// Names of the rows, and nothing else
    #[arg(long)]
    pub list: bool,
    /// Few runs: to see that all works, not to compare
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
    /// Write everything, raw samples included
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a picture
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// What --json wrote earlier: print how dsbuild changed since
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Measure nothing: print and draw what --json wrote earlier
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "only", "large", "curves"])]
    pub from: Option<PathBuf>,
    /// Leave a tool out: docker, buildah, buildctl, floor
    #[arg(long, value_name = "TOOL")]
    pub without: Vec<String>,
    /// The dsbuild to measure [default: what `cargo xtask dist` made]
    #[arg(long, value_name = "FILE")]
    pub dsbuild: Option<PathBuf>,
    /// A running Docker to measure in place of one of our own; nothing of it is pruned
    #[arg(long, value_name = "unix://PATH|tcp://HOST:PORT")]
    pub docker_host: Option<String>,
    /// A running BuildKit to measure, by the `buildctl` of this machine
    #[arg(long, value_name = "ADDRESS")]
    pub buildctl: Option<String>,
    /// Where files go while it runs: fast, with room [default: target/bench]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Set by ourselves, when we are in namespaces of our own: the folder to fill.
    #[arg(long, hide = true)]
    pub inside: Option<PathBuf>,
}

impl Args {
    /// Whether a row was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| name.contains(text.as_str()))
    }

    /// Whether rows of this kind were asked for.
    pub fn includes(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Large => self.large,
            When::Curves => self.curves,
        }
    }

    /// Whether a tool was not left out.
    pub fn uses(&self, tool: &str) -> bool {
        !self.without.iter().any(|without| without == tool)
    }

    /// The most runs of a row by each tool.
    pub fn max_runs(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 2 } else { 7 }).max(1)
    }

    /// How long each tool may work on a row, unless once takes longer.
    pub fn budget_s(&self) -> f64 {
        self.budget.unwrap_or(if self.quick { 1.0 } else { 15.0 })
    }
}
