//! How much of the disk the store takes, and for what.

use crate::Store;
use crate::tree::measure;

/// Bytes on disk, by what they are for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blobs: layer tars, configs, manifests.
    pub blobs_bytes: u64,
    /// What is derived from layers: trees, indexes.
    pub layers_bytes: u64,
    /// Cache mounts.
    pub mounts_bytes: u64,
    /// Containers.
    pub containers_bytes: u64,
    /// Records and stat caches.
    pub records_bytes: u64,
    /// Work of running processes, and leftovers of dead ones.
    pub tmp_bytes: u64,
}

impl Usage {
    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        self.blobs_bytes
            + self.layers_bytes
            + self.mounts_bytes
            + self.containers_bytes
            + self.records_bytes
            + self.tmp_bytes
    }
}

impl Store {
    /// Measures the store. Reads every directory, so it takes a second for a million files.
    pub fn usage(&self) -> Usage {
        let of = |name: &str| measure(&self.root().join(name));
        Usage {
            blobs_bytes: of("blobs"),
            layers_bytes: of("layers"),
            mounts_bytes: of("mounts"),
            containers_bytes: of("containers"),
            records_bytes: of("records") + of("stat"),
            tmp_bytes: of("tmp"),
        }
    }
}
