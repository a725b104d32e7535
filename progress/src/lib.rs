//! Events of a build, for whoever displays them.
//!
//! ```text
//! event   events of a vertex: started, cached, failed, log output, progress
//! report  Progress and Vertex: the side that reports;  Sink: the side that listens
//! phase   parts of the time that a vertex takes
//! miss    reasons why a step was not cached
//! usage   resources that the processes of a step consumed
//! cancel  a flag that asks a build to stop
//! patience  waiting for what others hold
//! ```
//!
//! A vertex is a step of the graph, or anything else that takes time: loading the context, resolving an image name,
//! exporting. Libraries report and never print.

mod cancel;
mod event;
mod miss;
mod patience;
mod phase;
mod report;
mod usage;

pub use cancel::Cancel;
pub use event::{Event, EventKind, KeyKind, StepLocation, VertexId};
pub use miss::MissReason;
pub use patience::wait_for;
pub use phase::Phase;
pub use report::{NoSink, Progress, Sink, Vertex};
pub use usage::Usage;
