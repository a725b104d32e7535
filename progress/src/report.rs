//! Reporting events.
//!
//! Phases add up to the time of their vertex, whatever fails. They are sent only to sinks that want them; for other sinks
//! entering a phase costs one comparison and reads no clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::{Event, EventKind, Phase, StepLocation, VertexId};

/// Receives events. Called from many threads.
pub trait Sink: Send + Sync {
    /// Receives one event. Must return soon: the thread that works on the vertex waits for it.
    fn event(&self, event: Event);

    /// Reports whether the sink wants [`EventKind::Entered`]. Asked once, when the build begins.
    fn wants_phases(&self) -> bool {
        false
    }
}

/// A sink that drops all events.
#[derive(Debug, Clone, Copy)]
pub struct NoSink;

impl Sink for NoSink {
    fn event(&self, _event: Event) {}
}

/// Creates the vertices of one build and numbers them.
#[derive(Clone)]
pub struct Progress {
    sink: Arc<dyn Sink>,
    next: Arc<AtomicUsize>,
    wants_phases: bool,
}

impl Progress {
    /// Creates a reporter that sends all events to `sink`.
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        Self { wants_phases: sink.wants_phases(), sink, next: Arc::default() }
    }

    /// Announces a vertex that waits for `inputs`.
    pub fn vertex(&self, name: &str, inputs: Vec<VertexId>, location: Option<StepLocation>) -> Vertex {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let vertex = Vertex { id, sink: Arc::clone(&self.sink), wants_phases: self.wants_phases };
        vertex.send(EventKind::Added { name: name.to_owned(), inputs, location });
        vertex
    }

    /// Announces a vertex without inputs and starts it.
    pub fn start(&self, name: &str) -> Vertex {
        let vertex = self.vertex(name, Vec::new(), None);
        vertex.started();
        vertex
    }
}

/// One vertex; reports its events to the sink.
#[derive(Clone)]
pub struct Vertex {
    id: VertexId,
    sink: Arc<dyn Sink>,
    wants_phases: bool,
}

impl Vertex {
    /// Returns the number of the vertex.
    pub fn id(&self) -> VertexId {
        self.id
    }

    /// Reports an event of this vertex.
    pub fn send(&self, kind: EventKind) {
        self.sink.event(Event { vertex: self.id, time: Instant::now(), kind });
    }

    /// Reports that the vertex begins to run.
    pub fn started(&self) {
        self.send(EventKind::Started);
    }

    /// Reports that another phase begins, if the sink wants to know. Costs one comparison otherwise.
    pub fn enter(&self, phase: Phase) {
        if self.wants_phases {
            self.send(EventKind::Entered { phase });
        }
    }

    /// Reports success; `cached` if the result was there already.
    pub fn finished(&self, cached: bool) {
        self.send(EventKind::Finished { cached });
    }

    /// Reports that the vertex failed, with the error in one line.
    pub fn failed(&self, error: &dyn std::fmt::Display) {
        self.send(EventKind::Failed { error: error.to_string() });
    }

    /// Reports progress of a part; see [`EventKind::Status`].
    pub fn status(&self, id: &str, current: u64, total: Option<u64>, done: bool) {
        self.send(EventKind::Status { id: id.to_owned(), current, total, done });
    }

    /// Reports that the vertex begins or ends to wait for something that others hold.
    pub fn waits(&self, text: &str, begins: bool) {
        self.send(EventKind::Waiting { text: text.to_owned(), is_over: !begins });
    }

    /// Reports a warning of one line.
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

    /// Counts the events of a vertex that goes through two phases.
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
    fn phases_are_reported_to_sinks_that_want_them() {
        assert_eq!((count(false), count(true)), (3, 5));
    }
}
