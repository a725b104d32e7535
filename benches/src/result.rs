//! What was found, as it is kept: everything that a table, a picture or a later comparison needs.

use serde::{Deserialize, Serialize};

use crate::stats::{Sample, Summary};

/// The form of the file; one of another form is not read.
pub const FORMAT: u32 = 1;

/// Everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// [`FORMAT`].
    pub format: u32,
    /// When it began, in UTC.
    pub date: String,
    /// What was checked out when it ran.
    pub commit: String,
    /// How it was asked for.
    pub command: String,
    /// Where it ran.
    pub machine: Machine,
    /// The tools.
    pub tools: Vec<Tool>,
    /// What they did.
    pub rows: Vec<RowResult>,
    /// What was measured inside of dsbuild's libraries.
    pub parts: Vec<PartResult>,
}

/// Where it ran.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// As the kernel calls it.
    pub processor: String,
    /// That may be used.
    pub cores: usize,
    /// All there is.
    pub memory_bytes: u64,
    /// Its release.
    pub kernel: String,
    /// Of the folder that was worked in.
    pub file_system: String,
    /// When it began: above 1, others disturbed the measurement.
    pub load_before: f64,
    /// When it was done; our own work is in it.
    pub load_after: f64,
}

/// A tool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tool {
    /// The word for it.
    pub name: String,
    /// What was measured, or why it was not.
    pub version: String,
    /// Whether it was measured.
    pub is_here: bool,
    /// Of what its memory figure is the peak.
    pub memory: String,
}

/// A row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RowResult {
    /// Its whole name.
    pub name: String,
    /// What a reader is told.
    pub title: String,
    /// What dsbuild is to stay within.
    pub goal_s: Option<f64>,
    /// What the floor is.
    pub floor: Option<String>,
    /// Where it lies on a curve.
    #[serde(default)]
    pub point: Option<Point>,
    /// One for each tool that was here, and `floor`.
    pub cells: Vec<Cell>,
}

/// A place on a curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// What is the same for all of it.
    pub curve: String,
    /// Of what there is more and more: `file`.
    pub unit: String,
    /// How many.
    pub at: u64,
}

/// A tool in a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cell {
    /// The word for the tool.
    pub tool: String,
    /// Its runs, in order.
    pub samples: Vec<Sample>,
    /// Why there are none, or no more.
    pub trouble: Option<String>,
}

/// A part of dsbuild.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartResult {
    /// Its name.
    pub name: String,
    /// What a reader is told.
    pub title: String,
    /// What it is to stay within.
    pub goal_s: Option<f64>,
    /// How long once took, in order.
    pub samples_s: Vec<f64>,
    /// Of the processor, by all threads.
    pub cpu_s: Vec<f64>,
    /// More about it: throughput, say.
    pub note: String,
}

impl Cell {
    /// Of the time; `None` if it has no sample.
    pub fn wall(&self) -> Option<Summary> {
        Summary::of(self.samples.iter().map(|sample| sample.wall_s))
    }

    /// Of the processor's time.
    pub fn cpu(&self) -> Option<Summary> {
        Summary::of(self.samples.iter().map(|sample| sample.cpu_s))
    }

    /// Of what was written.
    pub fn written(&self) -> Option<Summary> {
        Summary::of(self.samples.iter().map(|sample| sample.written_bytes as f64))
    }

    /// The most memory of all runs.
    pub fn peak_rss_bytes(&self) -> Option<u64> {
        self.samples.iter().map(|sample| sample.peak_rss_bytes).max()
    }
}

impl RowResult {
    /// A tool's cell.
    pub fn cell(&self, tool: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.tool == tool)
    }

    /// The median time of a tool.
    pub fn median_s(&self, tool: &str) -> Option<f64> {
        Some(self.cell(tool)?.wall()?.median)
    }
}

impl PartResult {
    /// Of the time.
    pub fn summary(&self) -> Option<Summary> {
        Summary::of(self.samples_s.iter().copied())
    }
}
