//! What a name leads to: manifest, config, layers.
//!
//! A layer is reached by the digest in the manifest and by its diff ID: one of the two must be here, as either can be
//! made from the other.

use std::collections::BTreeSet;

use oci::{Descriptor, Digest, ImageConfig, Index, Manifest, media_type};
use serde::de::DeserializeOwned;

use crate::{Problem, Store, StoreError};

/// No manifest, index or config is longer.
const DOCUMENT_LIMIT_BYTES: u64 = 16 * 1024 * 1024;
/// Indexes in indexes.
const MAX_DEPTH: u32 = 4;

/// The digests that an image consists of, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// All that the documents name, present or not.
    pub(crate) digests: BTreeSet<Digest>,
    pub(crate) problems: Vec<Problem>,
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

    /// Manifests for platforms that nobody asked for may be absent, but not all.
    fn index(&mut self, store: &Store, descriptor: &Descriptor, depth: u32) {
        let Some(index) = self.document::<Index>(store, descriptor) else { return };
        self.digests.extend(index.manifests.iter().map(|entry| entry.digest));
        let is_here = |entry: &&Descriptor| matches!(store.stat_blob(&entry.digest), Ok(Some(_)));
        let here: Vec<_> = index.manifests.iter().filter(is_here).collect();
        if here.is_empty() && !index.manifests.is_empty() {
            self.problems.push(Problem::Missing { digest: index.manifests[0].digest, of: descriptor.digest });
        }
        if depth < MAX_DEPTH {
            here.into_iter().for_each(|entry| self.descriptor(store, entry, depth + 1));
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

    fn layer(&mut self, store: &Store, layer: &Descriptor, diff_id: Option<Digest>, of: Digest) {
        let size = |digest: &Digest| store.stat_blob(digest).ok().flatten();
        match (size(&layer.digest), diff_id.as_ref().and_then(size)) {
            (Some(found), _) if found != layer.size_bytes => {
                let (digest, expected_bytes) = (layer.digest, layer.size_bytes);
                self.problems.push(Problem::Size { digest, expected_bytes, found_bytes: found });
            }
            (None, None) => self.problems.push(Problem::Missing { digest: layer.digest, of }),
            _ => {}
        }
    }

    /// Reads and verifies a document.
    fn document<T: DeserializeOwned>(&mut self, store: &Store, descriptor: &Descriptor) -> Option<T> {
        let digest = descriptor.digest;
        let read = store.get_blob(&digest, DOCUMENT_LIMIT_BYTES);
        let problem = match read.map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(document)) => return Some(document),
            Ok(Err(error)) => Problem::Unreadable { digest, reason: error.to_string() },
            Err(error) => Problem::from_error(digest, error),
        };
        self.problems.push(problem);
        None
    }
}

impl Problem {
    /// Why a blob could not be read.
    pub(crate) fn from_error(digest: Digest, error: StoreError) -> Self {
        match error {
            StoreError::Missing { digest } => Self::Missing { digest, of: digest },
            StoreError::Corrupt { expected, found } => Self::Corrupt { digest: expected, found },
            other => Self::Unreadable { digest, reason: crate::error::chain(&other) },
        }
    }
}
