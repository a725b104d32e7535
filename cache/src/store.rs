//! A store on disk. (Skeleton: the shapes that others build on.)

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use oci::{Descriptor, DiffId, Digest, Reference};
use serde::{Deserialize, Serialize};

use crate::{Key, StoreError};

/// An open store; holds `lock` shared. Cheap to share between threads (`Arc`).
#[derive(Debug)]
pub struct Store {}

/// A directory under `tmp/` of this process; removed when dropped (trees of any owner and mode inside).
#[derive(Debug)]
pub struct ScratchDir {}

impl ScratchDir {
    /// Where it is.
    pub fn path(&self) -> &Path {
        unimplemented!()
    }
}

/// A blob that is being written; dropped without [`BlobWriter::commit`] it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {}

impl BlobWriter {
    /// Bytes written so far.
    pub fn size_bytes(&self) -> u64 {
        unimplemented!()
    }

    /// fsyncs and publishes the blob. `expected`: the digest it must have, else [`StoreError::Corrupt`].
    pub fn commit(self, _expected: Option<&Digest>) -> Result<Digest, StoreError> {
        unimplemented!()
    }
}

impl Write for BlobWriter {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        unimplemented!()
    }

    fn flush(&mut self) -> io::Result<()> {
        unimplemented!()
    }
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The layer that the step added.
    pub layer: DiffId,
    /// When, in milliseconds since 1970.
    pub created_ms: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// What the key was made of, by name: for telling why another key missed.
    pub inputs: BTreeMap<String, String>,
}

/// Held while this process runs the step with a key; others wait for it and then find the record.
#[derive(Debug)]
pub struct StepLock {}

/// How builds share a cache mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sharing {
    /// Many at once.
    Shared,
    /// One each: a new one is made while all are in use.
    Private,
    /// One at a time: the next waits.
    Locked,
}

/// A cache mount in use.
#[derive(Debug)]
pub struct CacheMount {}

impl CacheMount {
    /// Its directory.
    pub fn path(&self) -> &Path {
        unimplemented!()
    }

    /// True if it was made just now and is empty.
    pub fn is_new(&self) -> bool {
        unimplemented!()
    }
}

impl Store {
    /// Opens the store at `root`, makes it if there is none, clears what dead processes left in `tmp/`.
    pub fn open(_root: &Path) -> Result<Self, StoreError> {
        unimplemented!()
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        unimplemented!()
    }

    /// Where the blob is, present or not.
    pub fn blob_path(&self, _digest: &Digest) -> PathBuf {
        unimplemented!()
    }

    /// The size of a blob; `None` if there is none.
    pub fn stat_blob(&self, _digest: &Digest) -> Result<Option<u64>, StoreError> {
        unimplemented!()
    }

    /// Opens a blob for reading (unverified: the store verified it when it was put).
    pub fn open_blob(&self, _digest: &Digest) -> Result<File, StoreError> {
        unimplemented!()
    }

    /// Reads a small blob (manifest, config) and verifies it.
    pub fn get_blob(&self, _digest: &Digest, _limit_bytes: u64) -> Result<Vec<u8>, StoreError> {
        unimplemented!()
    }

    /// Stores `bytes`.
    pub fn put_blob(&self, _bytes: &[u8]) -> Result<Digest, StoreError> {
        unimplemented!()
    }

    /// Starts a large blob.
    pub fn write_blob(&self) -> Result<BlobWriter, StoreError> {
        unimplemented!()
    }

    /// The record of a key; a damaged one is none.
    pub fn load_record(&self, _key: &Key) -> Result<Option<Record>, StoreError> {
        unimplemented!()
    }

    /// Publishes a record.
    pub fn save_record(&self, _key: &Key, _record: &Record) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Waits until no other process (or thread) runs the step with this key.
    pub fn lock_step(&self, _key: &Key) -> Result<StepLock, StoreError> {
        unimplemented!()
    }

    /// Gives an image a name; the former image of the name keeps its blobs. Syncs the file system first:
    /// what a name points at survives a power cut.
    pub fn tag(&self, _name: &Reference, _manifest: Descriptor) -> Result<(), StoreError> {
        unimplemented!()
    }

    /// Takes a name away; true if there was one.
    pub fn untag(&self, _name: &Reference) -> Result<bool, StoreError> {
        unimplemented!()
    }

    /// The image of a name.
    pub fn resolve(&self, _name: &Reference) -> Result<Option<Descriptor>, StoreError> {
        unimplemented!()
    }

    /// Every name, in order. An image without a name has an entry with `None`.
    pub fn images(&self) -> Result<Vec<(Option<Reference>, Descriptor)>, StoreError> {
        unimplemented!()
    }

    /// A new directory of this process.
    pub fn scratch(&self) -> Result<ScratchDir, StoreError> {
        unimplemented!()
    }

    /// Where what is derived from a layer lives (index, tree); made if absent.
    pub fn layer_dir(&self, _layer: &DiffId) -> Result<PathBuf, StoreError> {
        unimplemented!()
    }

    /// Takes the cache mount `id`: any bytes, hashed into a name.
    pub fn cache_mount(&self, _id: &str, _sharing: Sharing) -> Result<CacheMount, StoreError> {
        unimplemented!()
    }
}
