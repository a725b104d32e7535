//! Digests, references and the documents of the OCI image specification.
//!
//! Knows the shapes and the rules that hold between them ([`validate`]); opens no file and
//! talks to nobody. Unknown JSON fields survive a round trip (`extra`), maps are ordered, so
//! that the same document always serialises to the same bytes and has the same digest.

mod config;
mod digest;
mod document;
mod manifest;
pub mod media_type;
mod platform;
mod reference;
pub mod validate;
mod verify;

pub use config::{Config, Empty, Healthcheck, History, ImageConfig, RootFs};
pub use digest::{ChainId, DiffId, Digest, DigestError, Hasher};
pub use document::{Document, DocumentError, MAX_LAYERS, MAX_MANIFESTS};
pub use manifest::{Descriptor, Index, Manifest};
pub use platform::{Platform, PlatformError};
pub use reference::{Reference, ReferenceError};
pub use verify::VerifiedReader;
