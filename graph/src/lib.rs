//! The build graph: steps, their operations and inputs.
//!
//! ```text
//! step       Graph, Step and Op: the vertices and how they refer to each other
//! id         how steps and inputs are referred to
//! source     where files come from: images, local directories, HTTP, git
//! exec       a process (RUN): arguments, environment, mounts, network
//! file_op    changes to a root file system (COPY, ADD, WORKDIR)
//! content_hash  the encoding of operations that cache keys hash
//! mode       --chmod: octal and symbolic modes
//! lines      a range of lines of the Dockerfile
//! git_url    git URLs with BuildKit's fragment and query syntax
//! url        the authority of a URL, and URLs without credentials
//! paths      paths inside an image, as Go's package `path` treats them
//! ```
//!
//! These are the types of BuildKit's LLB, in our own words. The frontend produces a graph, an engine solves it. Nothing
//! here knows a Dockerfile, a disk or a serialisation format.
//!
//! Source: moby/buildkit, `solver/pb/ops.proto`.

pub mod content_hash;
mod exec;
mod file_op;
pub mod git_url;
mod id;
mod lines;
pub mod mode;
pub mod paths;
mod source;
mod step;
pub mod url;

pub use content_hash::ContentHash;
pub use exec::{
    AllowedDevices, CacheSharing, DeviceRequest, Exec, ExecMount, MountKind, NetworkMode, SecretEnv,
    SecurityMode, SkippedInKey, Ulimit,
};
pub use file_op::{CopyAction, CopySource, FileAction, FileOp};
pub use id::{InputIndex, StepId};
pub use lines::Lines;
pub use mode::Mode;
pub use source::{ImageOrigin, ResolvedImage, Source};
pub use step::{Graph, Op, Step, StepMeta};
