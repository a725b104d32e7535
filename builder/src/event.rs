//! What happens in a build, for whoever shows it. The builder never prints.
//!
//! A build reports through [`Progress`], which numbers vertices and forwards [`Event`]s to a [`Sink`]. Vertices are
//! the steps of the graph and whatever else takes time (loading the context, resolving a name, exporting).
//!
//! What a vertex spends its time with are its [`Phase`]s, one after another: each goes on until the next is entered, or
//! the vertex ends. So they add up, whatever fails. They are told to a sink that asks for them only: others cost no more
//! than a look at a flag, and no clock is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sandbox::Usage;

use crate::key::By;
use crate::miss::MissReason;
pub use crate::phase::Phase;

/// Names a vertex within one build; numbered from 0 in order of appearance.
pub type VertexId = usize;

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// To which vertex.
    pub vertex: VertexId,
    /// When.
    pub time: Instant,
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
        /// Where it stands; `None` for what is no step.
        place: Option<Place>,
    },
    /// It runs.
    Started,
    /// From now on its time goes into something else. Only for sinks that [want it](Sink::wants_phases).
    Entered {
        /// What.
        phase: Phase,
    },
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
    /// Its result was in the cache.
    Found {
        /// Which of its keys had a record.
        by: By,
        /// How long it took to make, in milliseconds.
        took_ms: u64,
    },
    /// Its result was not in the cache.
    Missed {
        /// Why not.
        reason: MissReason,
    },
    /// Its process has ended.
    Used {
        /// What it took of the machine.
        usage: Usage,
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

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The stage: its name, or `stage-0`.
    pub stage: String,
    /// Its lines in the Dockerfile: first and last, from 1.
    pub lines: Option<(u32, u32)>,
}

/// Takes events; called from many threads.
pub trait Sink: Send + Sync {
    /// Takes one.
    fn event(&self, event: Event);

    /// Whether it is to be told of phases. Asked once.
    fn wants_phases(&self) -> bool {
        false
    }
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
    tells_phases: bool,
}

impl Progress {
    /// Reports to `sink`.
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        Self { tells_phases: sink.wants_phases(), sink, next: Arc::default() }
    }

    /// Announces a vertex.
    pub fn vertex(&self, name: &str, inputs: Vec<VertexId>, place: Option<Place>) -> Vertex {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let vertex = Vertex { id, sink: Arc::clone(&self.sink), tells_phases: self.tells_phases };
        vertex.send(EventKind::Added { name: name.to_owned(), inputs, place });
        vertex
    }

    /// Announces a vertex that starts at once.
    pub fn start(&self, name: &str) -> Vertex {
        let vertex = self.vertex(name, Vec::new(), None);
        vertex.started();
        vertex
    }
}

/// A vertex and where its events go.
#[derive(Clone)]
pub struct Vertex {
    id: VertexId,
    sink: Arc<dyn Sink>,
    tells_phases: bool,
}

impl Vertex {
    /// Its number.
    pub fn id(&self) -> VertexId {
        self.id
    }

    /// Reports an event of it.
    pub fn send(&self, kind: EventKind) {
        self.sink.event(Event { vertex: self.id, time: Instant::now(), kind });
    }

    /// It runs.
    pub fn started(&self) {
        self.send(EventKind::Started);
    }

    /// Its time goes into this from now on.
    pub fn enter(&self, phase: Phase) {
        if self.tells_phases {
            self.send(EventKind::Entered { phase });
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Kept {
        events: Mutex<Vec<Event>>,
        wants_phases: bool,
    }

    impl Sink for Kept {
        fn event(&self, event: Event) {
            self.events.lock().expect("no test panics while it holds the lock").push(event);
        }

        fn wants_phases(&self) -> bool {
            self.wants_phases
        }
    }

    /// How many events a vertex that goes through two phases gives.
    fn count(wants_phases: bool) -> usize {
        let kept = Arc::new(Kept { events: Mutex::default(), wants_phases });
        let vertex = Progress::new(Arc::clone(&kept) as Arc<dyn Sink>).start("it");
        vertex.enter(Phase::Hash);
        vertex.enter(Phase::Lookup);
        vertex.finished(true);
        let events = kept.events.lock().expect("no test panics while it holds the lock");
        assert!(events.windows(2).all(|pair| pair[0].time <= pair[1].time), "one clock, in order");
        events.len()
    }

    #[test]
    fn phases_are_told_to_those_who_ask() {
        assert_eq!((count(false), count(true)), (3, 5));
    }
}
