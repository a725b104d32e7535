//! What happens in a build, for whoever shows it. The builder never prints.

use std::time::SystemTime;

/// Names a vertex of the progress display: a step of the graph, or something internal (loading the context).
pub type VertexId = usize;

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// To which vertex.
    pub vertex: VertexId,
    /// When.
    pub time: SystemTime,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EventKind {
    /// It is known: its name (`[build 2/5] RUN make`), and the vertices it waits for.
    Added {
        /// For people.
        name: String,
        /// What it waits for.
        inputs: Vec<VertexId>,
    },
    /// It runs.
    Started,
    /// It wrote to stdout (1) or stderr (2).
    Log {
        /// 1 or 2.
        stream: u8,
        /// What.
        bytes: Vec<u8>,
    },
    /// A part of it goes on: bytes of a transfer.
    Status {
        /// Which part (`sha256:...`, `transferring context`).
        id: String,
        /// So far.
        current: u64,
        /// Of how many, where known.
        total: Option<u64>,
        /// It is through.
        done: bool,
    },
    /// Something the user should know.
    Warning {
        /// One line.
        text: String,
    },
    /// It is done.
    Finished {
        /// Its result was there already.
        cached: bool,
    },
    /// It failed.
    Failed {
        /// Why, in one line.
        error: String,
    },
    /// It was ended because another failed or the user asked.
    Canceled,
}

/// Takes events; called from many threads.
pub trait Sink: Send + Sync {
    /// Takes one.
    fn event(&self, event: Event);
}

/// Takes events and forgets them.
#[derive(Debug, Clone, Copy)]
pub struct NoSink;

impl Sink for NoSink {
    fn event(&self, _event: Event) {}
}
