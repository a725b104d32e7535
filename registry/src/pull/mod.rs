//! Pulling: manifests and blobs (layers, configs) from a registry, and the check of their digests.

pub(crate) mod blob;
pub(crate) mod manifest;
