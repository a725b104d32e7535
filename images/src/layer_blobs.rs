//! Notes beside a layer about the blobs that are known to hold it.
//!
//! ```text
//! <layer dir>/blob-<form>.json    a checksum and a descriptor; <form> is "origin" or names a compressor and its level
//! ```
//!
//! `origin` is the blob that the layer was pulled or imported as. Collection can have removed it, but a push to a registry that
//! has it need not send it. The other forms are blobs of the store that an export made. Later exports reuse them, so that the bytes stay the
//! same even after an update of the compressor.
//!
//! Invariant: a note is a hint. A damaged note, one of another layer, or one whose blob is gone counts as absent.

use cache::{Store, StoreError};
use oci::{Descriptor, DiffId, Reference};

/// Form of the blob that a layer was pulled or imported as.
pub const ORIGIN: &str = "origin";

/// Remembers that `blob` holds the layer in this form.
pub fn remember(store: &Store, layer: &DiffId, form: &str, blob: &Descriptor) -> Result<(), StoreError> {
    let text = serde_json::to_vec(blob).expect("a descriptor has string keys only");
    store.save_checked(layer, &name(form), &text)
}

/// Returns the blob that holds the layer in this form, whether or not it is in the store.
pub fn recall(store: &Store, layer: &DiffId, form: &str) -> Option<Descriptor> {
    serde_json::from_slice(&store.read_checked(layer, &name(form))?).ok()
}

fn name(form: &str) -> String {
    format!("blob-{form}.json")
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

#[cfg(test)]
mod tests {
    use super::*;
    use oci::Digest;

    #[test]
    fn a_note_counts_for_its_layer_and_form_only() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Store::open(&dir.path().join("store")).expect("a store");
        let (layer, other) = (DiffId(Digest::of(b"one")), DiffId(Digest::of(b"two")));
        let blob = Descriptor::new("type", Digest::of(b"blob"), 4);
        remember(&store, &layer, ORIGIN, &blob).expect("saved");
        assert_eq!(recall(&store, &layer, ORIGIN), Some(blob));
        assert_eq!(recall(&store, &layer, "gzip-1m-6"), None);
        let path = |layer: &DiffId, form: &str| {
            store.layer_dir(layer).expect("a directory").join(format!("blob-{form}.json"))
        };
        for (to, form) in [(&other, ORIGIN), (&layer, "gzip-1m-6")] {
            std::fs::copy(path(&layer, ORIGIN), path(to, form)).expect("copied");
            assert_eq!(recall(&store, to, form), None, "a note that was moved");
        }
        std::fs::write(path(&layer, ORIGIN), "{}").expect("written");
        assert_eq!(recall(&store, &layer, ORIGIN), None, "a damaged note");
    }
}
