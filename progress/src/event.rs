//! Events: what happens to each vertex of a build, in the order in which it happens.

use std::time::Instant;

use graph::Lines;

use crate::{MissReason, Phase, Usage};

/// Identifies a vertex within one build: numbered from 0 in the order in which vertices appear.
pub type VertexId = usize;

/// One event of one vertex.
#[derive(Debug, Clone)]
pub struct Event {
    /// Vertex that the event belongs to.
    pub vertex: VertexId,
    /// Time at which it happened.
    pub time: Instant,
    /// Kind of event, with its details.
    pub kind: EventKind,
}

/// Everything that can happen to a vertex, with its details.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventKind {
    /// The vertex is known. This is always its first event.
    Added {
        /// Name for people, such as `[build 2/5] RUN make`.
        name: String,
        /// Vertices that it waits for.
        inputs: Vec<VertexId>,
        /// Instruction that the vertex stands for, or `None` for a vertex without one, such as an export.
        location: Option<StepLocation>,
    },
    /// The vertex begins to run.
    Started,
    /// The vertex enters another phase. Sent only to sinks that [want phases](crate::Sink::wants_phases).
    Entered {
        /// Phase that begins now.
        phase: Phase,
    },
    /// The process of the vertex wrote output.
    Log {
        /// 1 for standard output, 2 for standard error.
        stream: u8,
        /// Bytes as written, not necessarily UTF-8 or whole lines.
        bytes: Vec<u8>,
    },
    /// A part of the vertex makes progress, such as the download of one layer.
    Status {
        /// Name of the part, such as `sha256:…` or `transferring context`.
        id: String,
        /// Bytes done so far.
        current: u64,
        /// Bytes in total, or `None` if unknown.
        total: Option<u64>,
        /// True once the part is complete.
        done: bool,
    },
    /// The vertex waits for something that another step or build holds.
    Waiting {
        /// Description of the wait, as a participle: `waiting for …`.
        text: String,
        /// True once the wait has ended.
        is_over: bool,
    },
    /// A warning for the user.
    Warning {
        /// Text of one line.
        text: String,
    },
    /// The result was in the cache.
    Found {
        /// Key that had a record.
        key: KeyKind,
        /// Time in milliseconds that it took to make the result when it was made.
        took_ms: u64,
    },
    /// The result was not in the cache.
    Missed {
        /// First difference from the last build, to be shown to people.
        reason: MissReason,
    },
    /// The process of the vertex has ended.
    Used {
        /// Resources that it consumed.
        usage: Usage,
    },
    /// The vertex succeeded. This is its last event.
    Finished {
        /// True if the result was there already.
        cached: bool,
    },
    /// The vertex failed. This is its last event.
    Failed {
        /// Error in one line.
        error: String,
    },
    /// The vertex was stopped because the user asked for it or because another vertex failed.
    Canceled,
}

/// The two keys of a step; a record under either of them is a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Hash of what the step does and of the layers that it uses.
    Definition,
    /// Hash of what the step does and of the very files that it takes.
    Content,
}

/// Stage and lines that a step comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLocation {
    /// Name of the stage, or `stage-0` for one without a name.
    pub stage: String,
    /// Lines of the instruction, or `None` for a step without one.
    pub lines: Option<Lines>,
}
