//! Removing what a collection has chosen, and counting it.

use std::path::Path;

use oci::Digest;
use rustix::fs::{AtFlags, unlinkat};

use super::Collected;
use super::candidate::Candidate;
use super::survey::Useless;
use crate::files::{IoContext, open_parent, remove_file};
use crate::locks::{open_lock_file, try_lock};
use crate::tmp::discard;
use crate::{Store, StoreError};

/// A collection that removes things, with the count of what is done.
pub(super) struct Removal<'a> {
    store: &'a Store,
    pub(super) done: Collected,
}

impl<'a> Removal<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, done: Collected::default() }
    }

    /// Removes a candidate: first what leads to its blob, then the blob, then what is derived from it.
    pub(super) fn remove(&mut self, candidate: &Candidate) -> Result<(), StoreError> {
        candidate.records.iter().try_for_each(|path| self.remove_record(path))?;
        candidate.notes.iter().try_for_each(|path| self.remove_note(path))?;
        if let Some(digest) = &candidate.digest {
            self.done.blobs += u64::from(self.store.delete_blob(digest)?);
        }
        candidate.trees.iter().try_for_each(|path| discard(self.store.root(), path))?;
        self.done.mounts += u64::from(candidate.is_mount);
        self.done.freed_bytes += candidate.size_bytes;
        Ok(())
    }

    /// Takes an image off the list of names.
    pub(super) fn remove_image(&mut self, manifest: &Digest) -> Result<(), StoreError> {
        self.done.images += u64::from(self.store.remove_image(manifest)?);
        Ok(())
    }

    pub(super) fn remove_useless(&mut self, useless: &Useless) -> Result<(), StoreError> {
        useless.trees.iter().try_for_each(|path| discard(self.store.root(), path))?;
        useless.records.iter().try_for_each(|path| self.remove_record(path))?;
        useless.notes.iter().try_for_each(|path| self.remove_note(path))?;
        useless.step_locks.iter().try_for_each(|path| remove_step_lock(path))?;
        for path in &useless.empty_dirs {
            // If it is not empty after all, it stays.
            let _ = open_parent(path).map(|(parent, name)| unlinkat(&parent, name, AtFlags::REMOVEDIR));
        }
        Ok(())
    }

    fn remove_record(&mut self, path: &Path) -> Result<(), StoreError> {
        self.done.records += u64::from(remove_file(path)?);
        Ok(())
    }

    fn remove_note(&mut self, path: &Path) -> Result<(), StoreError> {
        self.done.notes += u64::from(remove_file(path)?);
        Ok(())
    }
}

/// Removes the lock of a step, unless this process still runs the step: a step's lock can outlive its store.
fn remove_step_lock(path: &Path) -> Result<(), StoreError> {
    let file = open_lock_file(path)?;
    if try_lock(&file).at("lock", path)? {
        remove_file(path)?;
    }
    Ok(())
}
