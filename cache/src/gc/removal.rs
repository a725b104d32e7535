//! Removing what a collection has chosen, and counting it.

use std::collections::BTreeSet;
use std::path::Path;

use oci::Digest;
use rustix::fs::{AtFlags, unlinkat};

use super::Collected;
use super::candidate::{Candidate, modified_ms};
use super::survey::Useless;
use crate::files::{IoContext, open_parent, remove_file, rename};
use crate::locks::{open_lock_file, try_lock};
use crate::tmp::discard;
use crate::{Store, StoreError};

/// A collection that removes things, with the count of what is done.
pub(super) struct Removal<'a> {
    store: &'a Store,
    /// Time of the survey, if other processes use the store meanwhile: what they have used since then stays.
    shared_since_ms: Option<u64>,
    pub(super) done: Collected,
}

impl<'a> Removal<'a> {
    pub(super) fn new(store: &'a Store, shared_since_ms: Option<u64>) -> Self {
        Self { store, shared_since_ms, done: Collected::default() }
    }

    /// Removes a candidate: first what leads to its blob, then the blob, then what is derived from it.
    ///
    /// Other processes mark what they use, and then look whether it still has its name. Here a name is taken away first,
    /// and then the mark is looked at. So one of both notices the other.
    pub(super) fn remove(&mut self, candidate: &Candidate) -> Result<(), StoreError> {
        if self.is_used_since(candidate.last_use_ms(self.store)) {
            return Ok(());
        }
        for path in candidate.records.iter().chain(&candidate.notes) {
            if !self.take_away(path)? {
                return Ok(());
            }
        }
        self.done.records += candidate.records.len() as u64;
        self.done.notes += candidate.notes.len() as u64;
        if let Some(digest) = &candidate.digest {
            let path = self.store.blob_path(digest);
            if !self.take_away(&path)? {
                return Ok(());
            }
            self.done.blobs += 1;
        }
        candidate.trees.iter().try_for_each(|path| discard(self.store.root(), path))?;
        self.done.mounts += u64::from(candidate.is_mount);
        self.done.freed_bytes += candidate.size_bytes;
        Ok(())
    }

    fn is_used_since(&self, used_ms: u64) -> bool {
        self.shared_since_ms.is_some_and(|since_ms| used_ms >= since_ms)
    }

    /// Removes a file; returns `false` if another process has used it since the survey. Then it has its name again.
    fn take_away(&self, path: &Path) -> Result<bool, StoreError> {
        if self.shared_since_ms.is_none() {
            return remove_file(path).map(|_| true);
        }
        let away = self.store.session.tmp_path()?;
        match rename(path, &away) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
            moved => moved.at("move away", path)?,
        }
        if self.is_used_since(modified_ms(&away)) {
            rename(&away, path).at("move back", path)?;
            return Ok(false);
        }
        remove_file(&away).map(|_| true)
    }

    /// Takes images without a name off the list.
    pub(super) fn remove_images(&mut self, manifests: &BTreeSet<Digest>) -> Result<(), StoreError> {
        if !manifests.is_empty() {
            self.done.images += self.store.remove_nameless(manifests)?;
        }
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
