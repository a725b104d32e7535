//! What is measured: scenarios with their rows, as data. [`table`] has them all, [`curve`] those that are points between
//! others, [`files`] makes their files.
//!
//! A scenario is a folder of files and the state of each tool; its rows use them one after the other. Nothing here knows
//! a tool: what is to be done is said in [`Act`]s, which each engine turns into its commands.

pub mod curve;
pub mod files;
pub mod table;

use std::io;
use std::path::Path;

/// Files, and rows that use them.
#[derive(Debug)]
pub struct Scenario {
    /// What its rows' names begin with.
    pub name: &'static str,
    /// When its rows are measured.
    pub when: When,
    /// Room that it takes at its worst.
    pub needs_gib: u64,
    /// The images that its Dockerfiles start from.
    pub bases: &'static [Base],
    /// Makes its files in an empty folder.
    pub make: fn(&Path) -> io::Result<()>,
    /// What is done once by each tool before rows of [`State::Prepared`].
    pub prepare: &'static [Act],
    /// What is measured, in this order.
    pub rows: &'static [Row],
}

/// When rows are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Unless others are asked for.
    Always,
    /// With `--large`: they take long, or much room.
    Large,
    /// With `--curves`: they are points between others.
    Curves,
}

impl When {
    /// The flag that asks for them.
    pub fn flag(self) -> Option<&'static str> {
        match self {
            Self::Always => None,
            Self::Large => Some("--large"),
            Self::Curves => Some("--curves"),
        }
    }
}

/// An image that exists before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// [`BUSYBOX`]: a shell and its tools.
    Busybox,
    /// [`PYTHON`]: Debian and Python, as `scripts/python-base` makes it.
    Python,
}

/// The name of [`Base::Busybox`].
pub const BUSYBOX: &str = "dsbench/busybox";
/// The name of [`Base::Python`].
pub const PYTHON: &str = "python:3.11";
/// An image that a scenario makes for its other builds to start from.
pub const BIG: &str = "dsbench/big";
/// Stands for the registry's address, in tags and in Dockerfiles (as an ARG).
pub const REGISTRY: &str = "REGISTRY";

/// One line of the result.
#[derive(Debug)]
pub struct Row {
    /// The rest of its name.
    pub name: &'static str,
    /// What a reader is told.
    pub title: &'static str,
    /// What dsbuild is to stay within.
    pub goal_s: Option<f64>,
    /// What each tool knows at the start of a run.
    pub state: State,
    /// Of dsbuild only: about a figure that the others do not strive for.
    pub alone: bool,
    /// Done before each run, not measured.
    pub before: &'static [Prep],
    /// Measured, as one.
    pub timed: &'static [Act],
    /// The least that the work takes, in a program of the system.
    pub floor: Option<Floor>,
    /// What shows that the work was done.
    pub proof: Proof,
    /// Where it lies on a curve: the same with more and more of something.
    pub point: Option<Point>,
}

/// A place on a curve.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// What is the same for all of it.
    pub curve: &'static str,
    /// Of what there is more and more.
    pub unit: &'static str,
    /// How many.
    pub at: u64,
}

/// What a tool knows at the start of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The base images and nothing else.
    Cold,
    /// What the scenario prepares.
    Prepared,
}

/// What is done before a run.
#[derive(Debug, Clone, Copy)]
pub enum Prep {
    /// A new line in this file.
    Edit(&'static str),
    /// The folder or file that the tool exports to is gone.
    NoOutput,
    /// The registry has nothing.
    EmptyRegistry,
    /// The registry has [`PYTHON`], compressed with gzip.
    PythonInRegistry,
    /// By the tool itself.
    Act(Act),
}

/// What a tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Builds an image.
    Build(Build),
    /// Runs a container of an image to its end, and removes it.
    Run {
        /// The image.
        tag: &'static str,
        /// The command.
        command: &'static [&'static str],
    },
}

/// A build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// The context, a folder of the scenario.
    pub context: &'static str,
    /// The Dockerfile in it.
    pub dockerfile: &'static str,
    /// The image's name.
    pub tag: &'static str,
    /// Whether its Dockerfile has an ARG for [`REGISTRY`].
    pub from_registry: bool,
    /// Whether its RUNs may use the machine's network; else they have none.
    pub network: bool,
    /// Where the image goes.
    pub dest: Dest,
}

/// Where an image goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dest {
    /// Where the tool keeps images.
    Store,
    /// There, and out of the tool as files (OCI's layout, where it knows that).
    Layout(Compression),
    /// There, and to the registry that its tag names.
    Registry,
}

/// How layers are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// As registries have them.
    Gzip,
    /// As they could.
    Zstd,
}

impl Compression {
    /// What the tools call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The least that the work takes.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// What a reader is told.
    pub title: &'static str,
    /// For `sh`, in the scenario's folder.
    pub script: &'static str,
}

/// What shows that the work was done.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// That the tool said so.
    Said,
    /// A file of the image.
    File {
        /// The image.
        tag: &'static str,
        /// Where.
        path: &'static str,
        /// What is in it, but for white space around.
        says: &'static str,
    },
    /// A file of the image that is the same as one of the scenario's, as it is now.
    Same {
        /// The image.
        tag: &'static str,
        /// Where.
        path: &'static str,
        /// The scenario's.
        source: &'static str,
    },
    /// The exported files have this size at least.
    Output {
        /// In MiB.
        at_least_mib: u64,
    },
}

impl Scenario {
    /// Whether it needs [`Base::Python`], be it in the registry.
    pub fn needs_python(&self) -> bool {
        let mut preps = self.rows.iter().flat_map(|row| row.before);
        self.bases.contains(&Base::Python) || preps.any(|prep| matches!(prep, Prep::PythonInRegistry))
    }
}

impl Row {
    /// Its whole name.
    pub fn full_name(&self, scenario: &Scenario) -> String {
        match self.name {
            "" => scenario.name.to_owned(),
            name => format!("{}/{name}", scenario.name),
        }
    }
}
