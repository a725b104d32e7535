//! The Dockerfile frontend: turns instructions and options into a build graph.
//!
//! ```text
//! options    what the user asks for, as far as it decides what is built
//! lower      a Dockerfile to a plan: runs the modules below, once for each platform
//! plan       the result, and the trait by which images are looked up
//! inspect    build checks, and plans that are looked at instead of built
//! outline    what a target takes from outside
//! trace      the origins of the variables in an instruction whose step failed
//!
//! epoch       SOURCE_DATE_EPOCH
//! args        the global scope, and the one precedence of ARGs; env holds the values with their origins
//! contexts    named contexts, which replace stages and images
//! stages      the table of stages: bases, dependencies, cycles
//! base_images images of needed stages, looked up in parallel; onbuild adds their triggers
//! dispatch    instructions to steps and image configs
//! check       the rules of the build checks
//! ```
//!
//! Only stages that the target needs are resolved and dispatched. All stages are checked as far as BuildKit checks them:
//! names of images, `--from`, cycles.
//!
//! The frontend opens no file and reads no environment. It asks the [`plan::Resolver`] for images and nothing else. The
//! same input gives the same plan.

mod args;
mod base_images;
mod build_args;
pub mod check;
mod contexts;
mod dispatch;
pub mod dump;
mod env;
mod epoch;
mod error;
mod explain;
mod graph_builder;
mod history;
mod inspect;
mod limits;
mod lower;
mod onbuild;
pub mod options;
pub mod origin;
pub mod outline;
pub mod plan;
mod platform;
mod ports;
mod session;
mod stages;
mod state;
mod step_names;
mod strong_components;
mod syntax;
mod trace;
mod unused_args;
mod used_args;

pub use build_args::{SOURCE_DATE_EPOCH, is_proxy};
pub use check::{FindHabits, IgnoreHabit};
pub use epoch::EpochSource;
pub use error::{LowerError, Problem};
pub use inspect::{CheckNote, LintReport, check, check_unfinished, sketch};
pub use lower::{epoch_source, lower};
pub use options::Options;
pub use outline::outline;
pub use session::Culprit;
pub use trace::{FailedStep, trace_step};
