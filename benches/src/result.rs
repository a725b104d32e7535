//! The result file: everything that a table, a chart or a later comparison needs.

use serde::{Deserialize, Serialize};

use crate::stats::{Sample, Summary};

/// Version of the file format. Files of another version are not read.
pub const FORMAT: u32 = 1;

/// All results of one benchmark.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// Version of the format: [`FORMAT`].
    pub format: u32,
    /// Start of the benchmark, in UTC.
    pub date: String,
    /// Commit that was checked out, with `-dirty` if files differed.
    pub commit: String,
    /// Command line of the benchmark.
    pub command: String,
    /// Machine that the benchmark ran on.
    pub machine: Machine,
    /// Tools that were measured, or could not be.
    pub tools: Vec<Tool>,
    /// Rows, with one cell for each tool.
    pub rows: Vec<RowResult>,
    /// Parts of dsbuild's libraries, measured in one process.
    pub parts: Vec<PartResult>,
}

/// Facts about a machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// Model name of the processor, as the kernel reports it.
    pub processor: String,
    /// Number of cores that this process can use.
    pub cores: usize,
    /// Memory of the machine in bytes.
    pub memory_bytes: u64,
    /// Release of the kernel: `6.12.0`.
    pub kernel: String,
    /// Type of the file system of the work directory.
    pub file_system: String,
    /// Load at the start. Above 1, other processes disturbed the measurement.
    pub load_before: f64,
    /// Load at the end, which includes the benchmark itself.
    pub load_after: f64,
}

/// A tool that was measured, or could not be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tool {
    /// Name of the tool in flags and columns.
    pub name: String,
    /// Version, or the reason why the tool was not measured.
    pub version: String,
    /// True if the tool was measured.
    pub is_here: bool,
    /// Processes that its memory figure is about.
    pub memory: String,
}

/// One workload, and the figures of each tool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RowResult {
    /// Full name of the row: `SCENARIO/ROW`.
    pub name: String,
    /// Description in one line, for readers.
    pub title: String,
    /// Goal for dsbuild in seconds, or `None` for a row without one.
    pub goal_s: Option<f64>,
    /// Description of the floor, or `None` for a row without one.
    pub floor: Option<String>,
    /// Position on a curve, or `None` for a row that is not part of one.
    #[serde(default)]
    pub point: Option<Point>,
    /// One cell for each tool that was measured, and one for `floor`.
    pub cells: Vec<Cell>,
}

/// Position of a row on a curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Name of the curve, the same for all of its points.
    pub curve: String,
    /// Unit that grows along the curve, in the singular: `file`.
    pub unit: String,
    /// Number of units at this point.
    pub at: u64,
}

/// Figures of one tool in one row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the tool.
    pub tool: String,
    /// Samples of the runs, in order.
    pub samples: Vec<Sample>,
    /// Error that ended the runs, or `None` if all succeeded.
    pub trouble: Option<String>,
}

/// A part of dsbuild that was measured alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PartResult {
    /// Name of the part: `parse/real`.
    pub name: String,
    /// Description in one line, for readers.
    pub title: String,
    /// Goal in seconds, or `None` for a part without one.
    pub goal_s: Option<f64>,
    /// Time of each run in seconds, in order.
    pub samples_s: Vec<f64>,
    /// Processor time of all threads for each run, in seconds.
    pub cpu_s: Vec<f64>,
    /// Further facts, such as the throughput.
    pub note: String,
}

impl Cell {
    /// Summarizes the wall-clock time; `None` without samples.
    pub fn wall(&self) -> Option<Summary> {
        Summary::of(self.samples.iter().map(|sample| sample.wall_s))
    }

    /// Summarizes the processor time; `None` without samples.
    pub fn cpu(&self) -> Option<Summary> {
        Summary::of(self.samples.iter().map(|sample| sample.cpu_s))
    }

    /// Summarizes the bytes written; `None` without samples.
    pub fn written(&self) -> Option<Summary> {
        Summary::of(self.samples.iter().map(|sample| sample.written_bytes as f64))
    }

    /// Returns the largest memory of all runs; `None` without samples.
    pub fn peak_rss_bytes(&self) -> Option<u64> {
        self.samples.iter().map(|sample| sample.peak_rss_bytes).max()
    }
}

impl RowResult {
    /// Returns the cell of a tool.
    pub fn cell(&self, tool: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.tool == tool)
    }

    /// Returns the median time of a tool in seconds.
    pub fn median_s(&self, tool: &str) -> Option<f64> {
        Some(self.cell(tool)?.wall()?.median)
    }
}

impl PartResult {
    /// Summarizes the wall-clock time; `None` without samples.
    pub fn summary(&self) -> Option<Summary> {
        Summary::of(self.samples_s.iter().copied())
    }
}
