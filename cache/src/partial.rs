//! Partial downloads: what a broken pull has brought of a large blob, so that the next one need not begin anew.
//!
//! `downloads/<sha256 of the blob>.partial` holds the first bytes of the blob, unverified. Its reader must take them through
//! a check of the whole blob's digest. The file becomes the blob when it is complete, or is removed by collection, least
//! recently used first, as a note is. Losing it costs only time.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use oci::Digest;
use rustix::fs::{Mode, OFlags};

use crate::files::{IoContext, remove_file, rename_into_place};
use crate::locks::try_lock;
use crate::tmp::ensure_private_dir;
use crate::{Store, StoreError};

/// End of the file names of partial downloads.
const SUFFIX: &str = ".partial";

/// The first bytes of a blob. While it exists, no other process or thread has it.
#[derive(Debug)]
pub struct PartialBlob {
    path: PathBuf,
    file: File,
    size_bytes: u64,
}

impl Store {
    /// Opens the partial download of a blob, empty if it does not exist. Returns `None` if another process or thread has it open.
    pub fn partial_blob(&self, digest: &Digest) -> Result<Option<PartialBlob>, StoreError> {
        let dir = self.root().join("downloads");
        ensure_private_dir(&dir)?;
        let path = dir.join(format!("{}{SUFFIX}", digest.hex()));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::APPEND;
        let safe = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file =
            File::from(rustix::fs::open(&path, flags | safe, Mode::RUSR | Mode::WUSR).at("open", &path)?);
        let metadata = file.metadata().at("stat", &path)?;
        if !metadata.is_file() || !try_lock(&file).at("lock", &path)? {
            return Ok(None);
        }
        Ok(Some(PartialBlob { path, file, size_bytes: metadata.len() }))
    }
}

impl PartialBlob {
    /// Returns how many bytes of the blob are here.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns a reader of the bytes that are here now; it does not see bytes that are added later.
    pub fn reader(&self) -> Result<impl Read + Send + use<>, StoreError> {
        let file = self.file.try_clone().at("open", &self.path)?;
        Ok(PartReader { file, at: 0, end: self.size_bytes })
    }

    /// Drops everything that is here, because it turned out to be wrong.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0).at("truncate", &self.path)?;
        self.size_bytes = 0;
        Ok(())
    }

    /// Makes the whole blob that this has become a blob of the store: on disk first, and then under its name. The caller has
    /// verified that it has the digest.
    pub fn publish(self, store: &Store, digest: &Digest) -> Result<(), StoreError> {
        if store.stat_blob(digest)?.is_some() {
            return self.remove();
        }
        self.file.sync_all().at("sync", &self.path)?;
        let read_only = rustix::fs::fchmod(&self.file, Mode::RUSR | Mode::RGRP | Mode::ROTH);
        read_only.map_err(io::Error::from).at("change the mode of", &self.path)?;
        let path = store.blob_path(digest);
        rename_into_place(&self.path, &path).at("rename into blobs", &path)
    }

    /// Removes the partial download, because the blob is complete or its bytes turned out to be wrong.
    pub fn remove(self) -> Result<(), StoreError> {
        remove_file(&self.path).map(drop)
    }
}

impl Write for PartialBlob {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.size_bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a part of a file without moving the position of its descriptor.
struct PartReader {
    file: File,
    at: u64,
    end: u64,
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Reports whether a file of `downloads/` is a partial download rather than a note.
pub(crate) fn is_partial(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(SUFFIX.as_bytes()))
}
