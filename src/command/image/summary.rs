//! The facts about an image that lists show.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache::{BUILT_ANNOTATION, ID_ANNOTATION, SIZE_ANNOTATION, Store};
use images::find;
use oci::{Descriptor, Digest, Platform};

/// Facts about an image, or about the image for this machine in an index.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Image ID; the digest of the manifest or index if its documents cannot be read.
    pub id: Digest,
    /// Time at which the image was built here or came into the store, in milliseconds since 1970.
    ///
    /// The date in an image that was built reproducibly says nothing: it is the same for everyone.
    pub created_ms: Option<u64>,
    /// Sum of the sizes of the layers' tars.
    pub size_bytes: u64,
}

impl Summary {
    /// Returns the time at which the image was made.
    pub fn created(&self) -> Option<SystemTime> {
        self.created_ms.map(|ms| UNIX_EPOCH + Duration::from_millis(ms))
    }

    /// Returns the facts about an entry of the store. A damaged image is listed with what is known about it.
    pub fn of(store: &Store, root: &Descriptor) -> Self {
        let note = |key: &str| root.annotations.get(key);
        let created_ms = note(BUILT_ANNOTATION).and_then(|text| text.parse().ok());
        let id = note(ID_ANNOTATION).and_then(|text| text.parse().ok());
        let size_bytes = note(SIZE_ANNOTATION).and_then(|text| text.parse().ok());
        if let (Some(id), Some(size_bytes)) = (id, size_bytes) {
            return Self { id, created_ms, size_bytes };
        }
        match find::at(store, root, &Platform::host()) {
            Ok(image) => Self {
                id: image.manifest.config.digest,
                created_ms,
                size_bytes: image.manifest.layers.iter().map(|layer| layer.size_bytes).sum(),
            },
            Err(_) => Self { id: root.digest, created_ms, size_bytes: 0 },
        }
    }
}
