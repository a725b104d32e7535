//! Between the builder and the screen: passes events on, and remembers what they say of time.
//!
//! Concurrency: called from many threads; a report is put together under a lock that is held for a few lines.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use progress::{Event, Sink};

use super::report::{About, Draft, Report};

/// A sink in front of another.
pub struct Recorder {
    next: Arc<dyn Sink>,
    begun: Instant,
    draft: Mutex<Draft>,
}

impl Recorder {
    /// Passes everything on to `next`. The build began at `begun`.
    pub fn new(next: Arc<dyn Sink>, begun: Instant) -> Self {
        Self { next, begun, draft: Mutex::default() }
    }

    /// What was recorded until now, which is the end of the build.
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
