//! A sink between the builder and the screen that passes events on and records their times.
//!
//! Concurrency: events come from many threads. A lock, held for a few instructions, protects the recording.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use progress::{Event, Sink};

use super::report::{About, Draft, Report};

/// Sink that records events and passes them on to another.
pub struct Recorder {
    next: Arc<dyn Sink>,
    begun: Instant,
    draft: Mutex<Draft>,
}

impl Recorder {
    /// Creates a recorder in front of `next`. The build began at `begun`.
    pub fn new(next: Arc<dyn Sink>, begun: Instant) -> Self {
        Self { next, begun, draft: Mutex::default() }
    }

    /// Returns the report of the build, which ends now.
    pub fn report(&self, about: About) -> Report {
        let draft = std::mem::take(&mut *self.draft.lock().unwrap_or_else(PoisonError::into_inner));
        draft.finish(about, self.begun.elapsed())
    }
}

impl Sink for Recorder {
    fn event(&self, event: Event) {
        let time = event.time.saturating_duration_since(self.begun);
        self.draft.lock().unwrap_or_else(PoisonError::into_inner).event(event.vertex, time, &event.kind);
        self.next.event(event);
    }

    fn wants_phases(&self) -> bool {
        true
    }
}
