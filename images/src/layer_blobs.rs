//! Notes beside a layer about the blobs that are known to hold it.
//!
//! ```text
//! <layer dir>/blob-<form>.json    a descriptor; <form> is "origin" or names a compressor and its level
//! ```
//!
//! `origin` is the blob that the layer was pulled as. It is not kept, but a push to a registry that has it need not send
//! it. The other forms are blobs of the store that an export made. Later exports reuse them, so that the bytes stay the
//! same even after an update of the compressor.
//!
//! Invariant: a note is a hint. One that is damaged, or whose blob is gone, counts as none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cache::{Store, StoreError};
use oci::{Descriptor, DiffId, Reference};

/// Form of the blob that a layer was pulled as.
pub const ORIGIN: &str = "origin";

/// Remembers that `blob` holds the layer in this form.
pub fn remember(store: &Store, layer: &DiffId, form: &str, blob: &Descriptor) -> Result<(), StoreError> {
    let text = serde_json::to_vec(blob).expect("a descriptor has string keys only");
    let dest = path(store, layer, form)?;
    let scratch = store.scratch()?;
    let draft = scratch.path().join("form");
    fs::write(&draft, text).map_err(io_error("write", &draft))?;
    fs::rename(&draft, &dest).map_err(io_error("rename into the layer's directory", &dest))
}

/// Returns the blob that holds the layer in this form, whether or not it is in the store.
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

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}

/// Prefix of the annotation that says which repository a blob was pulled from; the name of the registry follows.
///
/// Source: containerd, `pkg/labels`, "containerd.io/distribution.source".
const SOURCE_PREFIX: &str = "containerd.io/distribution.source.";

/// Returns the descriptor with a note of the repository that the blob was pulled from.
pub fn with_source(blob: &Descriptor, repository: &Reference) -> Descriptor {
    let mut noted = blob.clone();
    noted
        .annotations
        .insert(format!("{SOURCE_PREFIX}{}", repository.registry), repository.repository.clone());
    noted
}

/// Returns the repository that a blob was pulled from; `None` if it came from a file.
pub fn source(blob: &Descriptor) -> Option<Reference> {
    blob.annotations.iter().find_map(|(key, repository)| {
        let (registry, repository) = (key.strip_prefix(SOURCE_PREFIX)?.to_owned(), repository.clone());
        Some(Reference { registry, repository, tag: None, digest: None })
    })
}
