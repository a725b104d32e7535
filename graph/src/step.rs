//! Vertices of the graph.

use oci::Platform;
use serde::Serialize;

use crate::{Exec, FileOp, Lines, Source, StepId};

/// Steps in topological order: the inputs of a step come before the step.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// All steps; [`StepId`]s are indices into this list.
    pub steps: Vec<Step>,
}

/// One vertex: an operation applied to the results of other steps.
#[derive(Debug, Clone)]
pub struct Step {
    /// Operation that the step performs.
    pub op: Op,
    /// Steps whose results the operation uses. The operation refers to them by position ([`InputIndex`](crate::InputIndex)).
    pub inputs: Vec<StepId>,
    /// Platform that the step runs on; processes of a foreign platform need an emulator.
    pub platform: Platform,
    /// Names and positions for people. Not part of any cache key.
    pub meta: StepMeta,
}

/// How a step is shown, and how it is to be run. Not part of any cache key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepMeta {
    /// Name for people, such as `[build 2/5] RUN make`.
    pub name: String,
    /// Lines of the instruction, or `None` for a step without an instruction, such as loading the context.
    pub lines: Option<Lines>,
    /// Stage that the step belongs to: its name, or `stage-0`. Used by `--no-cache-filter` and to number steps.
    pub stage: String,
    /// True if the step must run even though its result is cached (`--no-cache`).
    pub ignore_cache: bool,
}

/// Operation of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Brings files in from outside. The result is a list of layers (image) or a tree (context, HTTP, git).
    Source(Source),
    /// Runs a process. The result is the layers of its root and one more.
    Exec(Box<Exec>),
    /// Changes files. The result is the layers of its base and one more.
    File(FileOp),
    /// Stacks the layers of all inputs, in order.
    Merge,
}
