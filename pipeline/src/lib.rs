//! One build, from the names that the user gives to the outputs.
//!
//! ```text
//! pipeline  the store, the connections and the jobs that builds share
//! input     the context and the Dockerfile that the user names: a directory, a URL, standard input
//! dockerfile  reading the Dockerfile: in the context, a regular file, not too large
//! request   everything that decides the build and its outputs
//! fetch     contexts and source dates that have to be fetched first
//! resolver  image names of the Dockerfile, looked up through `sources` and shown as progress
//! plan      from the Dockerfile to a plan: parse, source date, lowering
//! build     from the plan to results, by an engine
//! attest    facts for the attestations of an image: its packages, and how it was built
//! origin    what the images of a build were made from, for the versions of their names
//! export    from results to images, archives, directories and registries
//! check     build checks without a build
//! ```
//!
//! The binary, Compose and an API drive builds through [`Pipeline`]. A build is handed on once from stage to stage:
//! input → request → plan → results → export. Never prints, reads no environment.

mod attest;
mod build;
mod check;
mod dockerfile;
mod error;
mod export;
mod fetch;
pub mod input;
mod origin;
mod pipeline;
mod plan;
mod request;
mod resolver;

pub use build::Built;
pub use check::{check, find_ignore_habits};
pub use error::BuildError;
pub use export::ExportFailure;
pub use pipeline::{Pipeline, Watch};
pub use request::BuildRequest;
pub use resolver::ShownResolver;
