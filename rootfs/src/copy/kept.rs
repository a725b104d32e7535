//! Copies that earlier snapshots have left, so that a step on top of the same layers does not copy them again.
//!
//! A copy belongs to one snapshot at a time, since its files are changed in place. Concurrency: shared by all steps of a
//! process; the lock is held for a search in a short list only.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cache::ScratchDir;
use oci::DiffId;

/// Number of copies that are kept: one for each of two stages that are built in turns. More would fill disks, since each
/// has the size of an image.
const MAX_COPIES: usize = 2;

/// Directory of this process that shows some layers, and that no snapshot uses.
pub(crate) struct KeptCopy {
    /// Layers from the base up.
    pub layers: Vec<DiffId>,
    /// Directory whose subdirectory is the copy.
    pub scratch: ScratchDir,
    /// Whether the copy lacks something that the layers say, such as an owner.
    pub is_incomplete: bool,
}

/// Copies that can be taken over, the most recent last.
#[derive(Default)]
pub(crate) struct KeptCopies(Mutex<Vec<KeptCopy>>);

impl KeptCopies {
    /// Takes the copy that has most of the lowest of `layers` and no other layer.
    pub(crate) fn take(&self, layers: &[DiffId]) -> Option<KeptCopy> {
        let mut copies = self.lock();
        let fits = |copy: &&KeptCopy| layers.starts_with(&copy.layers);
        let best = copies.iter().filter(fits).map(|copy| copy.layers.len()).max()?;
        let at = copies.iter().position(|copy| fits(&copy) && copy.layers.len() == best)?;
        Some(copies.remove(at))
    }

    /// Keeps a copy, and drops the oldest one if there are too many.
    pub(crate) fn put(&self, copy: KeptCopy) {
        let mut copies = self.lock();
        copies.push(copy);
        let oldest = (copies.len() > MAX_COPIES).then(|| copies.remove(0));
        drop(copies);
        // Removing files takes a while, so the lock is not held meanwhile.
        drop(oldest);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<KeptCopy>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
