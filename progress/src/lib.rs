//! Events of a build, for whoever displays them.
//!
//! ```text
//! event   what happens to a vertex: started, cached, failed, log output, progress
//! report  Progress and Vertex: the side that reports;  Sink: the side that listens
//! phase   what a vertex spends its time on
//! miss    why a step was not cached
//! usage   what the processes of a step consumed
//! cancel  a flag that asks a build to stop
//! ```
//!
//! A vertex is a step of the graph, or anything else that takes time: loading the context, resolving an image name,
//! exporting. Libraries report and never print.

mod cancel;
mod event;
mod miss;
mod phase;
mod report;
mod usage;

pub use cancel::Cancel;
pub use event::{Event, EventKind, KeyKind, Place, VertexId};
pub use miss::MissReason;
pub use phase::Phase;
pub use report::{NoSink, Progress, Sink, Vertex};
pub use usage::Usage;
