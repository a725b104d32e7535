//! What happens in a build, for whoever shows it. The builder never prints.
//!
//! A build reports through [`Progress`], which numbers vertices and forwards [`Event`]s to a [`Sink`]. Vertices are
//! the steps of the graph and whatever else takes time (loading the context, resolving a name, exporting).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

/// Names a vertex within one build; numbered from 0 in order of appearance.
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
    /// Its result was not in the cache.
    Missed {
        /// Why not.
        reason: crate::miss::MissReason,
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

/// The source of one build's events.
#[derive(Clone)]
pub struct Progress {
    sink: Arc<dyn Sink>,
    next: Arc<AtomicUsize>,
}

impl Progress {
    /// Reports to `sink`.
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        Self { sink, next: Arc::default() }
    }

    /// Announces a vertex.
    pub fn vertex(&self, name: &str, inputs: Vec<VertexId>) -> Vertex {
        let vertex = Vertex { id: self.next.fetch_add(1, Ordering::Relaxed), sink: Arc::clone(&self.sink) };
        vertex.send(EventKind::Added { name: name.to_owned(), inputs });
        vertex
    }

    /// Announces a vertex that starts at once.
    pub fn start(&self, name: &str) -> Vertex {
        let vertex = self.vertex(name, Vec::new());
        vertex.started();
        vertex
    }
}

/// A vertex and where its events go.
#[derive(Clone)]
pub struct Vertex {
    id: VertexId,
    sink: Arc<dyn Sink>,
}

impl Vertex {
    /// Its number.
    pub fn id(&self) -> VertexId {
        self.id
    }

    /// Reports an event of it.
    pub fn send(&self, kind: EventKind) {
        self.sink.event(Event { vertex: self.id, time: SystemTime::now(), kind });
    }

    /// It runs.
    pub fn started(&self) {
        self.send(EventKind::Started);
    }

    /// It is done.
    pub fn finished(&self, cached: bool) {
        self.send(EventKind::Finished { cached });
    }

    /// It failed.
    pub fn failed(&self, error: &dyn std::fmt::Display) {
        self.send(EventKind::Failed { error: error.to_string() });
    }

    /// A part of it goes on.
    pub fn status(&self, id: &str, current: u64, total: Option<u64>, done: bool) {
        self.send(EventKind::Status { id: id.to_owned(), current, total, done });
    }

    /// Something the user should know.
    pub fn warning(&self, text: &str) {
        self.send(EventKind::Warning { text: text.to_owned() });
    }
}
