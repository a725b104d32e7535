//! SLSA provenance: which sources, parameters and steps an image was built from.
//!
//! ```text
//! facts      everything that is known about a build
//! steps      the steps of the build, in the form of BuildKit's LLB
//! v1, v02    the two formats
//! predicate  the claim about an image, in one of them
//! ```
//!
//! The fields beyond SLSA's own are those of BuildKit, so that tools that read BuildKit's provenance read this one.
//!
//! Source: SLSA 1.1 and 0.2, "Provenance"; BuildKit, `docs/attestations/slsa-definitions.md`.

mod facts;
mod predicate;
mod steps;
mod v02;
mod v1;

pub use facts::{BuildStep, ConfigSource, Dependency, OptionalId, Provenance, SourceFile, Vcs};
