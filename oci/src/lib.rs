//! Digests, image references and the documents of the OCI image specification.
//!
//! ```text
//! digest, reference, platform      names of content, of images and of the machines they run on
//! manifest, config, media_type     types of the documents
//! attestation                      how they name attestations
//! nulls                            `null` as the zero value of any type
//! document                         strict parsing of documents from outside
//! validate                         rules that hold between the documents of one image
//! verify                           a reader that checks a blob against its digest
//! ```
//!
//! The crate opens no file and no connection. Serialization is deterministic: unknown JSON fields survive a
//! round trip (in `extra`) and maps are ordered, so a document always gives the same bytes and the same digest.

mod attestation;
mod config;
mod digest;
mod document;
mod finish;
mod manifest;
pub mod media_type;
mod nulls;
mod platform;
mod reference;
pub mod signal;
pub mod validate;
mod verify;

pub use attestation::{ATTESTATION_TYPE, ATTESTED_DIGEST, PREDICATE_TYPE, REFERENCE_TYPE};
pub use config::{Config, Empty, Healthcheck, History, ImageConfig, RootFs};
pub use digest::{ChainId, DiffId, Digest, DigestError, Hasher};
pub use document::{Document, DocumentError, MAX_LAYERS, MAX_MANIFESTS};
pub use finish::{finish_config, rfc3339};
pub use manifest::{Descriptor, Index, Manifest};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};
pub use verify::VerifiedReader;
