//! Attestations of an image: statements about its packages and about how it was built.
//!
//! ```text
//! request      --sbom, --provenance and --attest: which attestations a build makes
//! statement    in-toto: a claim (the predicate) about artifacts (the subjects), as JSON
//! spdx         the packages of an image as an SPDX 2.3 document
//! provenance   the build as SLSA provenance, v1 or v0.2, with the fields that BuildKit writes
//! purl         package URLs of images
//! ```
//!
//! The crate makes documents and nothing else: it opens no file and no connection, and knows no clock. The same input
//! gives the same bytes, so that an attested image has the same digest wherever and whenever it is built. For that reason
//! a provenance has neither the time of the build nor an ID of the invocation; both are optional in SLSA.

mod provenance;
mod purl;
mod request;
mod spdx;
mod statement;

pub use provenance::{BuildStep, ConfigSource, Dependency, OptionalId, Provenance, SourceFile, Vcs};
pub use purl::image_purl;
pub use request::{AttestError, AttestRequest, ProvenanceMode, ProvenanceRequest, SlsaVersion};
pub use spdx::{SPDX_PREDICATE, Sbom};
pub use statement::{Predicate, Subject, statement};
