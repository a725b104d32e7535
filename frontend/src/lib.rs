//! The Dockerfile frontend: instructions and options to a build graph.
//!
//! ```text
//! options   what the user asks for, as far as it decides what is built
//! lower     a Dockerfile to a plan: the pipeline through the modules below
//! plan      its result, and the trait by which images are looked up
//!
//! epoch      SOURCE_DATE_EPOCH                            for each platform asked for:
//! args       the global scope                             ├─ stages    table, target, cycles
//! contexts   what --build-context replaces                ├─ bases     images of needed stages, in parallel;
//!                                                         │            their triggers, until nothing is new
//!                                                         └─ dispatch  instructions to steps and config
//! arena      the graph while it grows; equal steps are shared, also between platforms
//! ```
//!
//! Only stages that the target needs are resolved and dispatched. All stages are checked as far as BuildKit checks them:
//! names of images, `--from`, cycles.
//!
//! Opens no file and reads no environment; asks the [`plan::Resolver`] for images and nothing else. The same input gives the
//! same plan.

mod arena;
mod args;
mod bases;
pub mod check;
mod circles;
mod contexts;
mod dispatch;
pub mod dump;
mod epoch;
mod error;
mod history;
mod limits;
mod lower;
mod names;
mod onbuild;
pub mod options;
pub mod origin;
pub mod outline;
pub mod plan;
mod platform;
mod session;
mod stages;
mod state;

pub use check::{CheckReport, FindHabits, IgnoreHabit, check, sketch};
pub use epoch::{Dated, NAME as SOURCE_DATE_EPOCH};
pub use error::{LowerError, Problem};
pub use lower::{dated, lower};
pub use options::Options;
pub use outline::outline;
