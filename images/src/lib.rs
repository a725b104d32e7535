//! The image that a name stands for, for FROM and for `dsbuild run` alike.
//!
//! ```text
//! catalog      lists the images of the store, each with all of its names
//! find         finds the image of a name or ID in the local store
//! choose       chooses the manifest of a platform, and reads it and its config
//! blobs        sources of blobs: the store, and the trait for registries, layouts and archives
//! pins         remembers which manifest a registry's name led to when it was last asked
//! versions     where a name has pointed: NAME@3, NAME~1
//! attestations  SBOMs and provenance in the index of an image
//! manifest_list  puts indexes together by hand
//! origin       remembers where an image was pulled from
//! layer_blobs  remembers which compressed blobs hold a layer
//! ```
//!
//! The crate asks no server: data that has to be fetched comes through [`BlobSource`]. There is one look-up on purpose: the
//! image that a RUN is built on and the image that a container is started from are chosen by the same rules.

pub mod attestations;
mod blobs;
pub mod catalog;
pub mod choose;
mod error;
pub mod find;
pub mod layer_blobs;
pub mod manifest_list;
mod origin;
pub mod pins;
pub mod versions;

pub use blobs::{BlobSource, CONFIG_LIMIT_BYTES, CachingBlobs, MANIFEST_LIMIT_BYTES, StoreBlobs, read};
pub use choose::Image;
pub use error::{BlobSourceError, ImageError, VersionError};
pub use origin::PulledFrom;
