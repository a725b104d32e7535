//! Pulling from a registry.

pub(crate) mod blob;
