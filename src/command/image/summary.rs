//! The facts about an image that lists show.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache::{BUILT_ANNOTATION, Store};
use images::find;
use oci::{Descriptor, Digest, Platform};

/// Facts about an image, or about the image for this machine in an index.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Image ID; the digest of the manifest or index if its documents cannot be read.
    pub id: Digest,
    /// Time at which the image was made, in milliseconds since 1970, or came into the store if it carries no real date.
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

    /// Reads the facts about an entry of the store. A damaged image is listed with what is known about it.
    pub fn of(store: &Store, root: &Descriptor) -> Self {
        let created_ms = root.annotations.get(BUILT_ANNOTATION).and_then(|text| text.parse().ok());
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
