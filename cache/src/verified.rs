//! Verified files: blobs, and large files derived from them, are read to the end once for each boot, and again if they
//! change.
//!
//! `layers/<hex>/<name>.stamp` says that a file was intact: it has the boot, the inode, the length and the time of the last
//! change, which no process can set. A stamp that fits spares the next process the reading. Marks of use change that time,
//! too; they renew the stamp.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::sync::{MutexGuard, PoisonError};

use oci::{DiffId, Digest};

use crate::files::{IoContext, is_mark_due, mark_used};
use crate::stamp::{FileStamp, hash_of};
use crate::{Store, StoreError};

/// Name of the stamp of a blob, among the files derived from it.
const BLOB: &str = "blob";
/// Length up to which reading a blob costs less than a stamp.
const SMALL_BYTES: u64 = 64 << 10;

impl Store {
    /// Returns whether a file derived from `layer` was verified in this boot and has not changed since.
    pub fn is_verified(&self, layer: &DiffId, name: &str, file: &File) -> bool {
        let stamp = FileStamp::of(file).map(|stamp| stamp.text().into_bytes()).ok();
        stamp.is_some() && self.read_derived(layer, &format!("{name}.stamp")) == stamp
    }

    /// Notes that a file derived from `layer` is intact. If that fails, the next process reads the file once more.
    pub fn set_verified(&self, layer: &DiffId, name: &str, file: &File) {
        if let Ok(stamp) = FileStamp::of(file) {
            let write = |out: &mut dyn io::Write| out.write_all(stamp.text().as_bytes());
            let _ = self.save_derived(layer, &format!("{name}.stamp"), write);
        }
    }

    /// Opens a blob of which every byte has been verified in this boot, for a reader that does not read all of it, such as
    /// the kernel. A corrupt blob is removed, so that the next one who needs it fetches or makes it anew.
    pub fn open_verified_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        let (file, _) = self.open_blob_with_metadata(digest)?;
        let path = self.blob_path(digest);
        let stamp = FileStamp::of(&file).at("stat", &path)?;
        if self.verified().get(digest) == Some(&stamp) {
            return Ok(file);
        }
        let is_large = stamp.size_bytes > SMALL_BYTES;
        let layer = DiffId(*digest);
        if !(is_large && self.is_verified(&layer, BLOB, &file)) {
            let found = hash_of(&file).at("read", &path)?;
            if found != *digest {
                self.delete_blob(digest)?;
                return Err(StoreError::Corrupt { expected: *digest, found });
            }
            if is_large {
                self.set_verified(&layer, BLOB, &file);
            }
        }
        self.verified().insert(*digest, stamp);
        Ok(file)
    }

    /// Removes a blob whose content does not have its digest, so that the next one who needs it fetches or makes it anew.
    /// Returns whether it was corrupt. For a reader that has found damage by itself.
    pub fn remove_if_corrupt(&self, digest: &Digest) -> Result<bool, StoreError> {
        match self.verify_blob(digest) {
            Err(StoreError::Corrupt { .. }) => self.delete_blob(digest),
            Err(StoreError::Missing { .. }) => Ok(false),
            verified => verified.map(|()| false),
        }
    }

    /// Marks a blob as used, unless that was done lately; returns whether it did. A stamp that fits goes on fitting.
    pub(crate) fn mark_blob_used(&self, digest: &Digest, file: &File, metadata: &Metadata) -> bool {
        if !is_mark_due(metadata) {
            return false;
        }
        let layer = DiffId(*digest);
        let (known, is_verified) = (self.verified().remove(digest), self.is_verified(&layer, BLOB, file));
        let is_known = known.is_some() && FileStamp::of(file).ok() == known;
        mark_used(file);
        if is_verified {
            self.set_verified(&layer, BLOB, file);
        }
        if let Some(stamp) = FileStamp::of(file).ok().filter(|_| is_known) {
            self.verified().insert(*digest, stamp);
        }
        true
    }

    /// Returns the blobs that this process need not verify again.
    pub(crate) fn verified(&self) -> MutexGuard<'_, HashMap<Digest, FileStamp>> {
        self.session.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
