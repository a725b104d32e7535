//! Disk usage of the store, by purpose.

use std::collections::BTreeSet;

use oci::Digest;

use crate::index::name_of;
use crate::reach::Reach;
use crate::records::all_records;
use crate::tree::measure;
use crate::versions::{VersionLimits, kept};
use crate::{Store, StoreError};

/// Bytes on disk by purpose; files that are smaller than a block of the file system count as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// `blobs/`: layer tars, configs, manifests, downloaded files.
    pub blobs_bytes: u64,
    /// `layers/`: trees, EROFS images and indexes derived from layers.
    pub layers_bytes: u64,
    /// `mounts/`: cache mounts of RUN, and mirrors of git repositories.
    pub mounts_bytes: u64,
    /// `containers/`: logs and documents of containers. Files that a running container writes are in `tmp/`.
    pub containers_bytes: u64,
    /// `records/`, `stat/`, `pins/`, `downloads/`, `commits/` and `versions/`: results of steps, digests of context files, and notes.
    pub records_bytes: u64,
    /// `volumes/`: data of the user, which collection never removes.
    pub volumes_bytes: u64,
    /// `tmp/`: work of running processes, and leftovers of dead ones.
    pub tmp_bytes: u64,
}

impl Usage {
    /// Sum of all fields.
    pub fn total_bytes(&self) -> u64 {
        self.blobs_bytes
            + self.layers_bytes
            + self.mounts_bytes
            + self.containers_bytes
            + self.records_bytes
            + self.volumes_bytes
            + self.tmp_bytes
    }
}

/// Disk usage of versions that names have moved on from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VersionUsage {
    /// Number of images that versions keep and no name leads to.
    pub images: u64,
    /// Bytes of blobs, and of everything derived from them, that stay only because of versions. They are part of the
    /// store's [`Usage`].
    pub bytes: u64,
}

impl Store {
    /// Measures the images that only versions keep.
    pub fn version_usage(&self, limits: &VersionLimits) -> Result<VersionUsage, StoreError> {
        let mut named = BTreeSet::new();
        for entry in self.load_index()?.manifests.iter().filter(|entry| name_of(entry).is_some()) {
            named.extend(Reach::of(self, entry).digests);
        }
        let (mut manifests, mut only) = (BTreeSet::new(), BTreeSet::new());
        for manifest in kept(self.root(), limits)? {
            manifests.insert(manifest.digest);
            only.extend(
                Reach::of(self, &manifest).digests.into_iter().filter(|digest| !named.contains(digest)),
            );
        }
        let size = |digest: &Digest| {
            measure(&self.blob_path(digest)) + measure(&self.root().join("layers").join(digest.hex()))
        };
        Ok(VersionUsage {
            images: manifests.iter().filter(|digest| only.contains(digest)).count() as u64,
            bytes: only.iter().map(size).sum(),
        })
    }

    /// Returns the number of steps whose results the store remembers.
    pub fn record_count(&self) -> Result<usize, StoreError> {
        Ok(all_records(self.root())?.len())
    }

    /// Returns the bytes on disk of a named volume; 0 if it does not exist.
    pub fn usage_of_volume(&self, name: &str) -> u64 {
        measure(&self.root().join("volumes").join(name))
    }

    /// Measures the store. Reads every directory, so a million files take about a second.
    pub fn usage(&self) -> Usage {
        let of = |name: &str| measure(&self.root().join(name));
        Usage {
            blobs_bytes: of("blobs"),
            layers_bytes: of("layers"),
            mounts_bytes: of("mounts"),
            containers_bytes: of("containers"),
            records_bytes: ["records", "stat", "pins", "downloads", "commits", "versions"]
                .map(of)
                .iter()
                .sum(),
            volumes_bytes: of("volumes"),
            tmp_bytes: of("tmp"),
        }
    }
}
