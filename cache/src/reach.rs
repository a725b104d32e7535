//! Following a name to everything it leads to: manifest, config, layers.
//!
//! A layer can be present under either of two digests, the one in the manifest and its diff ID. One of the two is
//! enough, as each form can be made from the other.

use std::collections::BTreeSet;

use oci::{Descriptor, Digest, ImageConfig, Index, Manifest, media_type};
use serde::de::DeserializeOwned;

use crate::{Problem, Store, StoreError};

/// Largest manifest, index or config that is read.
pub(crate) const MAX_DOCUMENT_BYTES: u64 = 16 * 1024 * 1024;
/// Deepest nesting of indexes in indexes that is followed.
const MAX_DEPTH: u32 = 4;

/// The digests that an image consists of, and the damage found on the way.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Every digest that the documents name, whether or not the store has the blob.
    pub(crate) digests: BTreeSet<Digest>,
    pub(crate) problems: Vec<Problem>,
    /// First error that hides what the image consists of: a document exists, but cannot be read. Lost and damaged
    /// documents are no such error, as nobody will ever read them.
    pub(crate) failure: Option<StoreError>,
}

impl Reach {
    /// Follows an entry of `index.json`.
    pub(crate) fn of(store: &Store, entry: &Descriptor) -> Self {
        let mut reach = Self::default();
        reach.descriptor(store, entry, 0);
        reach
    }

    fn descriptor(&mut self, store: &Store, descriptor: &Descriptor, depth: u32) {
        self.digests.insert(descriptor.digest);
        if media_type::is_index(&descriptor.media_type) {
            self.index(store, descriptor, depth);
        } else if let Some(manifest) = self.document::<Manifest>(store, descriptor) {
            self.manifest(store, &manifest);
        }
    }

    /// Manifests for platforms that nobody asked for can be absent, but not all of them.
    fn index(&mut self, store: &Store, descriptor: &Descriptor, depth: u32) {
        let Some(index) = self.document::<Index>(store, descriptor) else { return };
        self.digests.extend(index.manifests.iter().map(|entry| entry.digest));
        let is_present = |entry: &&Descriptor| !matches!(store.stat_blob(&entry.digest), Ok(None));
        let present: Vec<_> = index.manifests.iter().filter(is_present).collect();
        if present.is_empty() && !index.manifests.is_empty() {
            self.problems.push(Problem::Missing { digest: index.manifests[0].digest, of: descriptor.digest });
        }
        if depth < MAX_DEPTH {
            present.into_iter().for_each(|entry| self.descriptor(store, entry, depth + 1));
        }
    }

    fn manifest(&mut self, store: &Store, manifest: &Manifest) {
        self.digests.insert(manifest.config.digest);
        self.digests.extend(manifest.layers.iter().map(|layer| layer.digest));
        let Some(config) = self.document::<ImageConfig>(store, &manifest.config) else { return };
        let diff_ids = &config.rootfs.diff_ids;
        self.digests.extend(diff_ids.iter().map(|diff_id| diff_id.0));
        for (index, layer) in manifest.layers.iter().enumerate() {
            self.layer(store, layer, diff_ids.get(index).map(|diff_id| diff_id.0), manifest.config.digest);
        }
    }

    fn layer(&mut self, store: &Store, layer: &Descriptor, diff_id: Option<Digest>, config: Digest) {
        let size = |digest: &Digest| store.stat_blob(digest).ok().flatten();
        match (size(&layer.digest), diff_id.as_ref().and_then(size)) {
            (Some(found_bytes), _) if found_bytes != layer.size_bytes => {
                let (digest, expected_bytes) = (layer.digest, layer.size_bytes);
                self.problems.push(Problem::Size { digest, expected_bytes, found_bytes });
            }
            (None, None) => self.problems.push(Problem::Missing { digest: layer.digest, of: config }),
            _ => {}
        }
    }

    /// Reads, verifies and parses a document; notes the problem if that fails.
    fn document<T: DeserializeOwned>(&mut self, store: &Store, descriptor: &Descriptor) -> Option<T> {
        let digest = descriptor.digest;
        let read = store.get_blob(&digest, MAX_DOCUMENT_BYTES);
        let problem = match read.map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(document)) => return Some(document),
            Ok(Err(error)) => Problem::Unreadable { digest, reason: error.to_string() },
            Err(error) => self.unreadable(digest, error),
        };
        self.problems.push(problem);
        None
    }

    /// Returns the problem of a document that cannot be read, and keeps an error that hides what the document names.
    fn unreadable(&mut self, digest: Digest, error: StoreError) -> Problem {
        let problem = Problem::from_error(digest, &error);
        let is_lost = matches!(error, StoreError::Missing { .. } | StoreError::Corrupt { .. });
        if !is_lost && !error.is_damage() {
            self.failure.get_or_insert(error);
        }
        problem
    }
}
