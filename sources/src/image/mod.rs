//! Images from outside: found by name, pulled, and imported from files.
//!
//! ```text
//! sources         the image sources of a build: store, registries, layouts
//! resolve         a name (FROM) to the manifest and config for a platform
//! pull            the layers of an image into the store, several at a time
//! download        a large blob that goes on where an earlier run broke off
//! kept_copy       the blob of a layer that comes from a file
//! uninterrupted   reads that are made again where a signal interrupts them
//! ahead           a source that another thread reads
//! unpack          the tar in a layer's blob: verified, bounded
//! import          images from files: OCI layouts, `docker save` archives, tars of a root file system
//! docker_archive  archives of `docker save`
//! adopt           a manifest of the store's own for an image whose layers are there
//! layout, archive, registry_blobs   sources of blobs: a directory, a tar, a repository of a registry
//! ```
//!
//! A name is looked up in the local store, then among the pins, then at its registry; with `--pull` at its registry only.
//! Manifests and configs are kept in the store. The compressed blob of a layer is kept only if it came from a file; its tar
//! always is.

mod adopt;
mod ahead;
mod archive;
mod docker_archive;
mod download;
mod error;
mod import;
mod kept_copy;
mod layout;
mod pull;
mod registry_blobs;
mod resolve;
mod sources;
#[cfg(test)]
mod tests;
mod uninterrupted;
mod unpack;

pub use error::SourceError;
pub use import::{ImportFrom, Imported, import};
pub use pull::{Pulled, TransferProgress};
pub use sources::Sources;
#[cfg(feature = "testing")]
pub use unpack::unpacked;
