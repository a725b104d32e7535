//! The local engine: a build graph to results on this machine.
//!
//! ```text
//! engine     the interface of engines, and the local one
//! schedule   steps to results, in parallel
//! step       one step: look up its keys, else run its op and record the result
//! key/       cache keys of a step, and why they had no record
//! op/        what each operation does: exec (RUN), file (COPY, ADD, WORKDIR)
//! result     what a step leaves: layers or a tree;  chain: layers with their chain ID
//! holes      the warning about a file with a huge hole
//! devices    which devices of this machine a build may use
//! not_found  why a file that a step takes does not exist
//! preflight  sources in contexts that do not exist, found before the first step runs
//! materials  identities of the sources that were fetched
//! options    settings that the user gives to the steps of a build
//! ```
//!
//! Never prints, reads no environment, knows no Dockerfile.

pub mod chain;
mod devices;
pub mod engine;
mod error;
mod holes;
pub mod key;
pub mod materials;
pub mod not_found;
pub mod op;
pub mod options;
pub mod preflight;
pub mod result;
mod schedule;
pub mod step;

pub use engine::{Engine, LocalEngine, SolveError, SolveRequest};
pub use error::StepError;
pub use materials::{Material, Materials};
pub use options::RunOptions;
