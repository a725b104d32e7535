//! The blobs that are known to hold a layer, remembered beside it.
//!
//! ```text
//! <layer dir>/blob-<form>.json    a descriptor; <form> is "origin" or names a compressor and its level
//! ```
//!
//! `origin` is the blob that a layer was pulled as: it is not kept, but whoever pushes the layer to a registry that
//! has it need not send it. Other forms are blobs of the store made by an exporter; a later export takes them again,
//! which is also why they have the same bytes even after a new version of a compressor.
//!
//! Invariant: a form is a hint. One that is damaged, or whose blob is gone, is none.

use std::fs;
use std::io;
use std::path::PathBuf;

use cache::{Store, StoreError};
use oci::{Descriptor, DiffId};

/// The form that a layer was pulled as.
pub const ORIGIN: &str = "origin";

/// Remembers that `blob` holds the layer.
pub fn remember(store: &Store, layer: &DiffId, form: &str, blob: &Descriptor) -> Result<(), StoreError> {
    let text = serde_json::to_vec(blob).expect("a descriptor has string keys only");
    let dest = path(store, layer, form)?;
    let scratch = store.scratch()?;
    let draft = scratch.path().join("form");
    fs::write(&draft, text).map_err(io_error("write", &draft))?;
    fs::rename(&draft, &dest).map_err(io_error("rename into the layer's folder", &dest))
}

/// The blob that holds the layer in this form, whether or not it is in the store.
pub fn recall(store: &Store, layer: &DiffId, form: &str) -> Result<Option<Descriptor>, StoreError> {
    let path = path(store, layer, form)?;
    match fs::read(&path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", &path)(error)),
    }
}

fn path(store: &Store, layer: &DiffId, form: &str) -> Result<PathBuf, StoreError> {
    Ok(store.layer_dir(layer)?.join(format!("blob-{form}.json")))
}

fn io_error(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}
