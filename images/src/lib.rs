//! Which image a name stands for, for FROM and for `dsbuild run` alike.
//!
//! ```text
//! find         a name or ID to an image of the local store
//! choose       a descriptor to the manifest and config for one platform
//! blobs        where blobs come from: the store, and the trait for other places
//! pins         the manifest that a registry's name led to when it was last asked
//! layer_blobs  compressed blobs that are known to hold a layer
//! ```
//!
//! Talks to nobody: what has to be fetched comes through [`BlobSource`].

mod blobs;
pub mod choose;
mod error;
pub mod find;
pub mod layer_blobs;
pub mod pins;

pub use blobs::{BlobSource, CONFIG_LIMIT_BYTES, MANIFEST_LIMIT_BYTES, StoreBlobs, Through, read};
pub use choose::Image;
pub use error::{BlobSourceError, ImageError};
