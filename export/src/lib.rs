//! From build results to outputs: OCI layouts, docker archives, tars, directories, images of the store, registries.
//!
//! ```text
//! request    --output: the form of an output, its destination and its attributes
//! result     the images that a build produced
//! times      the times that an output can carry
//! exporter   one result to one output
//! assemble   config, manifest, index, as blobs of the store
//! predicates  SBOM and provenance as documents;  attestation: as entries of the index;  statement_files: as files
//! base       layers of the base image in the form in which they were pulled
//! compress   a layer as a compressed blob;  gzip: on all processors, deterministic
//! layout     OCI layout and docker archive, as a tar or as a directory
//! save       images of the store as one archive, as `docker save` writes it
//! stored     an image of the store that is pushed as it is;  stored_attestations: with its attestations
//! push       an image to the registries of its names
//! tree       the files themselves, as a tar or as a directory
//! blob       reading a blob of the store: verified, and canceled on demand
//! file       an output file that appears whole or not at all, and survives a power cut
//! exported   the outcome: digests and names
//! ```
//!
//! Invariants:
//!
//! - An exported image has passed [`oci::validate`].
//! - Layers of the base image are never rewritten. Where layers are compressed, they keep the blobs that they came as.
//! - The same result exported with the same request gives the same bytes.
//! - The bytes of a blob are verified while they leave; a damaged blob ends the export.
//! - An output that was reported as written is on disk.

mod assemble;
mod attestation;
mod base;
mod blob;
mod compress;
mod error;
mod exported;
mod exporter;
mod file;
mod gzip;
mod layout;
mod predicates;
mod push;
mod request;
mod result;
mod save;
mod statement_files;
mod stored;
mod stored_attestations;
#[cfg(test)]
mod tests;
mod times;
mod tree;

pub use compress::pack;
pub use error::ExportError;
pub use exported::Exported;
pub use exporter::Exporter;
pub use file::{check_directory, write_file};
pub use request::annotation::{Annotation, AnnotationTarget};
pub use request::{Dest, ExportKind, ExportRequest, LayerCompression, Push};
pub use result::{Attestations, BuildResult, BuiltImage};
pub use save::{SavedImage, save};
pub use times::BuildTimes;
