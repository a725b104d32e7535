//! Blobs: immutable bytes, named by their sha256.
//!
//! Invariant: the content under a name was verified when it was put there, and was on disk before it had the name.
//! Nothing ever writes to a blob again. The name itself is on disk only after the next [`Store::tag`]; until then
//! nothing that must survive leads to it.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oci::Digest;
use rustix::fs::Mode;

use crate::buffer::{ALIGNMENT_BYTES, Buffer};
use crate::direct::Output;
use crate::files::{
    IoContext, create_new, open_with_metadata, read_all, remove_file, rename_into_place, unlink,
};
use crate::hashing::Hashing;
use crate::holes::{MIN_HOLE_BYTES, each_zeros};
use crate::stamp::{FileStamp, hash_of};
use crate::{Store, StoreError};

/// Size up to which writes are gathered, so that hashing and writing work on large pieces.
const BUFFER_BYTES: usize = 256 * 1024;
/// The same for direct writes, each of which is waited for.
const DIRECT_BUFFER_BYTES: usize = 2 << 20;

impl Store {
    /// Returns the path of a blob, whether or not the store has it.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        blob_path(self.root(), digest)
    }

    /// Returns the size of a blob, or `None` if the store does not have it.
    pub fn stat_blob(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let path = self.blob_path(digest);
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at("stat", &path),
        }
    }

    /// Opens a blob for reading and marks it as used. The content is not verified again.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        self.open_blob_with_metadata(digest).map(|(file, _)| file)
    }

    pub(crate) fn open_blob_with_metadata(&self, digest: &Digest) -> Result<(File, Metadata), StoreError> {
        let path = self.blob_path(digest);
        match open_with_metadata(&path) {
            Ok((file, metadata)) => {
                if self.mark_blob_used(digest, &file, &metadata) && self.stat_blob(digest)?.is_none() {
                    // A collection has just taken it away.
                    return Err(StoreError::Missing { digest: *digest });
                }
                Ok((file, metadata))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::Missing { digest: *digest })
            }
            Err(error) => Err(error).at("open", &path),
        }
    }

    /// Reads a small blob (manifest, config) and verifies it. A corrupt blob is removed, so that the next one who needs
    /// it fetches it anew.
    pub fn get_blob(&self, digest: &Digest, limit_bytes: u64) -> Result<Vec<u8>, StoreError> {
        let (file, metadata) = self.open_blob_with_metadata(digest)?;
        let size_bytes = metadata.len();
        if size_bytes > limit_bytes {
            return Err(StoreError::TooLarge { digest: *digest, size_bytes, limit_bytes });
        }
        let bytes = read_all(&file, &metadata).at("read", &self.blob_path(digest))?;
        let found = Digest::of(&bytes);
        if found != *digest {
            self.delete_blob(digest)?;
            return Err(StoreError::Corrupt { expected: *digest, found });
        }
        Ok(bytes)
    }

    /// Reads a blob to its end; [`StoreError::Corrupt`] if its content does not match its name.
    pub fn verify_blob(&self, digest: &Digest) -> Result<(), StoreError> {
        let (file, path) = (self.open_blob(digest)?, self.blob_path(digest));
        let stamp = FileStamp::of(&file).at("stat", &path)?;
        let found = hash_of(&file).at("read", &path)?;
        if found != *digest {
            return Err(StoreError::Corrupt { expected: *digest, found });
        }
        // A reader of the middle of the blob need not verify it again.
        self.verified().insert(*digest, stamp);
        Ok(())
    }

    /// Removes a blob; returns whether it existed. Used for corrupt blobs and by collection.
    pub(crate) fn delete_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        remove_file(&self.blob_path(digest))
    }

    /// Stores `bytes` as a blob, unless the store has it already, and returns its digest. A blob of that name with other
    /// content is replaced.
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if self.get_blob(&digest, bytes.len() as u64).is_ok() {
            return Ok(digest);
        }
        let mut writer = self.write_blob()?;
        writer.write_all(bytes).at("write", &writer.path)?;
        writer.commit(Some(&digest))
    }

    /// Starts a blob whose bytes come piece by piece.
    pub fn write_blob(&self) -> Result<BlobWriter, StoreError> {
        let path = self.session.tmp_path()?;
        // The file is read-only from the start; a descriptor opened for writing can write all the same.
        let file = create_new(&path, Mode::RUSR | Mode::RGRP | Mode::ROTH).at("make", &path)?;
        Ok(BlobWriter {
            store: Store { session: Arc::clone(&self.session) },
            path,
            output: Output::new(file),
            buffer: Buffer::with_capacity(0),
            hash: Hashing::new(),
            size_bytes: 0,
        })
    }
}

fn blob_path(root: &Path, digest: &Digest) -> PathBuf {
    root.join("blobs/sha256").join(digest.hex())
}

/// A blob that is being written. Dropped without [`BlobWriter::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    store: Store,
    path: PathBuf,
    output: Output,
    /// Bytes that are neither hashed nor written yet.
    buffer: Buffer,
    hash: Hashing,
    size_bytes: u64,
}

impl BlobWriter {
    /// Number of bytes taken so far, buffered ones included.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Appends `count` zeros. Many of them become a hole of the file, and cost only the time to hash them.
    pub fn write_zeros(&mut self, count: u64) -> Result<(), StoreError> {
        // The hole begins where a block does, and bytes before it are hashed first.
        let block = ALIGNMENT_BYTES as u64;
        let before = (self.size_bytes.next_multiple_of(block) - self.size_bytes).min(count);
        let hole = (count - before) / block * block;
        let zeros = |writer: &mut Self, count| each_zeros(count, |zeros| writer.write_all(zeros));
        if hole < MIN_HOLE_BYTES as u64 {
            return zeros(self, count).at("write", &self.path);
        }
        zeros(self, before).and_then(|()| self.flush()).at("write", &self.path)?;
        self.output.skip(hole);
        self.hash.update_zeros(hole);
        self.size_bytes += hole;
        zeros(self, count - before - hole).at("write", &self.path)
    }

    /// Puts the blob on disk and then under its name.
    ///
    /// The writer knows the digest of what it wrote, so this process does not verify the blob again.
    ///
    /// `expected`: digest that the content must have; any other is [`StoreError::Corrupt`], and nothing is published.
    pub fn commit(mut self, expected: Option<&Digest>) -> Result<Digest, StoreError> {
        self.flush().at("write", &self.path)?;
        let digest = std::mem::take(&mut self.hash).finish();
        if let Some(expected) = expected.filter(|expected| **expected != digest) {
            return Err(StoreError::Corrupt { expected: *expected, found: digest });
        }
        let path = self.store.blob_path(&digest);
        // A blob of that name that has become corrupt is replaced.
        if self.store.stat_blob(&digest)?.is_some() && self.store.open_verified_blob(&digest).is_ok() {
            return Ok(digest);
        }
        self.output.sync().at("sync", &self.path)?;
        rename_into_place(&self.path, &path).at("rename into blobs", &path)?;
        if let Ok(stamp) = FileStamp::of(self.output.file()) {
            self.store.verified().insert(digest, stamp);
        }
        Ok(digest)
    }

    /// Makes sure that the buffer has the size that suits the output.
    fn grow_buffer(&mut self) {
        let capacity = if self.output.is_direct() { DIRECT_BUFFER_BYTES } else { BUFFER_BYTES };
        if self.buffer.capacity() < capacity {
            self.buffer = Buffer::with_capacity(capacity);
        }
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut count = self.buffer.fill(bytes);
        if count == 0 && !bytes.is_empty() {
            self.flush()?;
            self.grow_buffer();
            count = self.buffer.fill(bytes);
        }
        self.size_bytes += u64::try_from(count).expect("a length fits 64 bits");
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.output.write(self.buffer.as_slice())?;
            let full = std::mem::replace(&mut self.buffer, Buffer::with_capacity(0));
            self.buffer = self.hash.update(full);
        }
        Ok(())
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        // After a commit the name is gone already, and was never given to another file.
        let _ = unlink(&self.path);
    }
}
