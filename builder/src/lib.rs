//! Instructions to images.
//!
//! ```text
//! options   what the user asks for
//! lower/    typed instructions + options -> plan: graph of steps, image config beside it
//! graph     steps: ops and their inputs (BuildKit's LLB in our own types)
//! plan      what lowering gives, and the trait by which it asks for images
//! engine    one build from Dockerfile text to results: parse, lower, schedule
//! schedule  steps -> results, in parallel; cancel: ending early
//! step      one step: look up its keys, else run its op and record the result
//! key       step -> cache keys;  miss: why they had no record
//! op/       what each op does: source, exec, file
//! context/  build contexts: ignore patterns, the folder as a tree
//! devices   which devices of this machine a build may have
//! source/   images: resolve, pull, import
//! remote/   files by HTTP, commits of git repositories
//! forms     the blobs that are known to hold a layer
//! absence   why a file is not there
//! export/   result -> OCI layout, docker archive, tar, directory, name in the store
//! event     what happens, for whoever shows it;  phase: what a step spends its time with
//! ```
//!
//! Never prints, reads no environment, knows no terminal.

pub mod absence;
pub mod context;
mod devices;
pub mod engine;
pub mod export;
mod forms;
pub mod key;
pub mod lower;
pub mod op;
pub mod options;
pub mod plan;
pub mod remote;
mod schedule;
pub mod source;
pub mod step;
mod transfer;
