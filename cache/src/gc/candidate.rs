//! A candidate: something that collection keeps or removes as one.

use std::path::{Path, PathBuf};

use oci::Digest;

use crate::Store;
use crate::files::{millis, now_ms};
use crate::tree::measure;

/// How far the clock of a file system can be ahead of this process's clock, in milliseconds.
const MAX_AHEAD_MS: u64 = 60_000;

/// Something that stays or goes as one.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    /// Time of the last use in milliseconds since 1970; 0 if unknown.
    pub(super) used_ms: u64,
    /// Bytes on disk that its removal frees.
    pub(super) size_bytes: u64,
    /// Digest of the blob, for a candidate that is one.
    pub(super) digest: Option<Digest>,
    /// Records that lead to the blob. They go before it.
    pub(super) records: Vec<PathBuf>,
    /// Notes that are about the blob, or the note that is the candidate itself. They go before the blob.
    pub(super) notes: Vec<PathBuf>,
    /// Directories and files that are moved to `tmp/` before they are removed.
    pub(super) trees: Vec<PathBuf>,
    pub(super) is_mount: bool,
}

impl Candidate {
    /// Makes a candidate of a blob and what is derived from it.
    pub(super) fn blob(store: &Store, digest: Digest) -> Self {
        let blob = store.blob_path(&digest);
        let derived = store.root().join("layers").join(digest.hex());
        Self {
            used_ms: modified_ms(&blob).max(modified_ms(&derived)),
            size_bytes: measure(&blob) + measure(&derived),
            digest: Some(digest),
            trees: vec![derived],
            ..Self::default()
        }
    }

    /// Makes a candidate of a directory or file.
    pub(super) fn tree(path: PathBuf) -> Self {
        Self { used_ms: modified_ms(&path), size_bytes: measure(&path), trees: vec![path], ..Self::default() }
    }

    /// Makes a candidate of a note that names no blob.
    pub(super) fn note(path: PathBuf) -> Self {
        Self { used_ms: modified_ms(&path), size_bytes: measure(&path), notes: vec![path], ..Self::default() }
    }

    /// Returns the last use of everything that the candidate consists of, as it is now.
    pub(super) fn last_use_ms(&self, store: &Store) -> u64 {
        let blob = self.digest.map(|digest| store.blob_path(&digest));
        let paths = self.trees.iter().chain(&self.records).chain(&self.notes).chain(&blob);
        paths.map(|path| modified_ms(path)).max().unwrap_or(0)
    }

    /// Adds the size and the last use of a file that goes with the candidate.
    pub(super) fn count(&mut self, path: &Path) {
        self.used_ms = self.used_ms.max(modified_ms(path));
        self.size_bytes += measure(path);
    }
}

/// Returns the time at which a path was marked as used; 0 if it does not exist, or if a clock that was wrong has set a
/// time in the future.
pub(super) fn modified_ms(path: &Path) -> u64 {
    past(path.symlink_metadata().and_then(|metadata| metadata.modified()).map_or(0, millis))
}

/// Returns a time of use, or 0 for one in the future.
pub(super) fn past(used_ms: u64) -> u64 {
    if used_ms > now_ms().saturating_add(MAX_AHEAD_MS) { 0 } else { used_ms }
}
