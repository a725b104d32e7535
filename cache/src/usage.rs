//! Disk usage of the store, by purpose.

use crate::records::all_records;
use crate::tree::measure;
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
    /// `records/`, `stat/`, `pins/`, `downloads/` and `commits/`: results of steps, digests of context files, and notes.
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

impl Store {
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
            records_bytes: ["records", "stat", "pins", "downloads", "commits"].map(of).iter().sum(),
            volumes_bytes: of("volumes"),
            tmp_bytes: of("tmp"),
        }
    }
}
