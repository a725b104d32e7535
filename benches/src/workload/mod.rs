//! Workloads: scenarios with their rows, as data. [`table`] lists all of them, [`curve`] has the points between others
//! and `edit` those on large images; `defaults` is what they are filled up from. `contexts` and [`files`] make their files.
//!
//! A scenario is a directory of files and the state of each tool; its rows use them one after the other. Nothing here knows
//! a tool: the work is described by [`Act`]s, which each engine turns into its commands.

mod contexts;
pub mod curve;
mod defaults;
mod edit;
pub mod files;
pub mod table;

use std::io;
use std::path::Path;

/// Files, and rows that use them.
#[derive(Debug)]
pub struct Scenario {
    /// First part of the names of its rows.
    pub name: &'static str,
    /// Flag that selects its rows.
    pub when: When,
    /// Largest disk space that it takes, in GiB.
    pub needs_gib: u64,
    /// Base images of its Dockerfiles.
    pub bases: &'static [Base],
    /// Makes its files in an empty directory.
    pub make: fn(&Path) -> io::Result<()>,
    /// Acts that each tool performs once before rows of [`State::Prepared`].
    pub prepare: &'static [Act],
    /// Rows that are measured, in this order.
    pub rows: &'static [Row],
}

/// When rows are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Measured without any flag.
    Always,
    /// Measured with `--large`: rows that take long, or much room.
    Large,
    /// Measured with `--curves`: rows that are points between others.
    Curves,
}

impl When {
    /// Returns the flag that selects these rows; `None` for rows that are measured by default.
    pub fn flag(self) -> Option<&'static str> {
        match self {
            Self::Always => None,
            Self::Large => Some("--large"),
            Self::Curves => Some("--curves"),
        }
    }
}

/// A base image of the builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// [`BUSYBOX`]: a shell and its tools.
    Busybox,
    /// [`PYTHON`]: Debian and Python, as `scripts/python-base` makes it.
    Python,
}

/// Name of the image [`Base::Busybox`].
pub const BUSYBOX: &str = "dsbench/busybox";
/// Name of the image [`Base::Python`].
pub const PYTHON: &str = "python:3.11";
/// Name of an image that a scenario makes as the base of its other builds.
pub const BIG: &str = "dsbench/big";
/// Placeholder for the registry's address, in tags and in Dockerfiles (as an ARG).
pub const REGISTRY: &str = "REGISTRY";

/// One workload: one line of the result.
#[derive(Debug)]
pub struct Row {
    /// Second part of its name; empty for the only row of a scenario.
    pub name: &'static str,
    /// Description in one line, for readers.
    pub title: &'static str,
    /// Goal for dsbuild in seconds, or `None` for a row without one.
    pub goal_s: Option<f64>,
    /// State of each tool at the start of a run.
    pub state: State,
    /// True for a row that measures dsbuild only.
    pub alone: bool,
    /// Preparations before each run, which are not measured.
    pub before: &'static [Prep],
    /// Acts that are measured together.
    pub timed: &'static [Act],
    /// Program of the system that needs the least time for this work.
    pub floor: Option<Floor>,
    /// Proof that the work was done.
    pub proof: Proof,
    /// Position on a curve, or `None` for a row that is not part of one.
    pub point: Option<Point>,
}

/// Position of a row on a curve.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Name of the curve, the same for all of its points.
    pub curve: &'static str,
    /// Unit that grows along the curve, in the singular: `file`.
    pub unit: &'static str,
    /// Number of units at this point.
    pub at: u64,
}

/// State of a tool at the start of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The tool has the base images and nothing else.
    Cold,
    /// The tool has performed [`Scenario::prepare`].
    Prepared,
}

/// A preparation before a run.
#[derive(Debug, Clone, Copy)]
pub enum Prep {
    /// Changes the content of this file.
    Edit(&'static str),
    /// Removes the directory or file that the tool exports to.
    NoOutput,
    /// Removes all images of the registry.
    EmptyRegistry,
    /// Fills the registry with [`PYTHON`], compressed with gzip.
    PythonInRegistry,
    /// Performs an act with the tool itself.
    Act(Act),
}

/// Work that a tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Builds an image from a Dockerfile.
    Build(Build),
    /// Runs a container of an image to its end, and removes it.
    Run {
        /// Name of the image.
        tag: &'static str,
        /// Command and arguments of its process.
        command: &'static [&'static str],
    },
}

/// A build of one Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// Context, a directory of the scenario.
    pub context: &'static str,
    /// Path of the Dockerfile in the context.
    pub dockerfile: &'static str,
    /// Name that the image gets.
    pub tag: &'static str,
    /// True if its Dockerfile has an ARG for [`REGISTRY`].
    pub from_registry: bool,
    /// True if its RUNs use the machine's network; the others have no network.
    pub network: bool,
    /// Destination of the image.
    pub dest: Dest,
}

/// Destination of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dest {
    /// The tool's own store.
    Store,
    /// The tool's own store, and files outside of it (an OCI layout, where the tool writes one).
    Layout(Compression),
    /// The tool's own store, and the registry that its tag names.
    Registry,
}

/// Compression of exported layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Layers are plain tars.
    None,
    /// gzip, the usual form in registries.
    Gzip,
    /// zstd, which is faster and smaller.
    Zstd,
}

impl Compression {
    /// Returns the name that the tools use in their flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// A program of the system that needs the least time for some work.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// Description in one line, for readers.
    pub title: &'static str,
    /// Script for `sh`, run in the directory of the scenario.
    pub script: &'static str,
}

/// Proof that the work was done.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// The exit code of the tool.
    Said,
    /// A file of the image with known content.
    File {
        /// Name of the image.
        tag: &'static str,
        /// Path of the file in the image.
        path: &'static str,
        /// Expected content, apart from white space around it.
        says: &'static str,
    },
    /// A file of the image that is the same as one of the scenario's, as it is now.
    Same {
        /// Name of the image.
        tag: &'static str,
        /// Path of the file in the image.
        path: &'static str,
        /// Path of the file in the scenario.
        source: &'static str,
    },
    /// The exported files have this size at least.
    Output {
        /// Smallest size of the exported files, in MiB.
        at_least_mib: u64,
    },
}

impl Scenario {
    /// Reports whether the scenario needs [`Base::Python`], as a base or in the registry.
    pub fn needs_python(&self) -> bool {
        let mut preps = self.rows.iter().flat_map(|row| row.before);
        self.bases.contains(&Base::Python) || preps.any(|prep| matches!(prep, Prep::PythonInRegistry))
    }
}

impl Row {
    /// Returns the full name: `SCENARIO/ROW`.
    pub fn full_name(&self, scenario: &Scenario) -> String {
        match self.name {
            "" => scenario.name.to_owned(),
            name => format!("{}/{name}", scenario.name),
        }
    }
}
