//! Instructions to images.
//!
//! ```text
//! options   what the user asks for
//! lower/    typed instructions + options -> plan: graph of steps, image config beside it
//! graph     steps: ops and their inputs (BuildKit's LLB in our own types)
//! plan      what lowering gives, and the trait by which it asks for images
//! key       step -> cache key;  miss: why a key has no record
//! schedule  steps -> results, in parallel
//! op/       what each op does: source, exec, file, merge
//! context/  build contexts: ignore patterns, the folder as a tree
//! source/   images: resolve, pull, import
//! export/   result -> OCI layout, docker archive, tar, directory, name in the store
//! event     what happens, for whoever shows it
//! ```
//!
//! Never prints, reads no environment, knows no terminal.

pub mod context;
pub mod event;
pub mod export;
pub mod graph;
pub mod lower;
pub mod op;
pub mod options;
pub mod plan;
pub mod source;
