//! Collection: keeps the store within a budget by removing what was least recently used.
//!
//! - Never removed: blobs that image names lead to, blobs of versions within the limits, blobs that a root protects,
//!   volumes, containers, and everything that was used lately ([`Policy::keep_ms`]).
//! - Removed in order of last use, until the rest fits: a layer with everything derived from it and the records and notes
//!   that lead to it; any other blob; a cache mount; the stat cache of a context; a note that names no blob. An image
//!   without a name counts as used when it was built, and leaves the list of images before its first blob goes.
//! - Removed whatever the budget, as nothing can use it: records and notes whose blob is gone, derived files of layers
//!   that are gone, locks of steps that no longer run, leftovers of dead processes.
//!
//! Files and directories that the store does not know are left alone; [`Store::check`] lists them.
//!
//! Concurrency: if nobody else has the store open, collection holds the store's lock exclusively. Else it removes only what
//! no other process can need ([`lease`]), so busy builders cannot keep it away. One process collects at a time. If it is killed half-way, it has removed less: records and notes go before the blob that they lead to,
//! and trees are moved to `tmp/` first. Apart from the list of names it only unlinks, and renames within the store, so it
//! works on a full disk.

mod candidate;
mod lease;
mod removal;
mod survey;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::{Descriptor, Digest};

use crate::files::{IoContext, now_ms, open_or_create};
use crate::index::replaced_ms;
use crate::layout::prepare;
use crate::reach::Reach;
use crate::session::Session;
use crate::tmp::{clear, leftovers};
use crate::versions::VersionLimits;
use crate::{Store, StoreError};
use candidate::{Candidate, past};
use lease::Lease;
use removal::Removal;
use survey::{NamelessImage, Survey};

/// Time after which a collection is due again.
const INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// Smallest budget that is chosen without the user's word.
const MIN_BUDGET_BYTES: u64 = 10 << 30;
/// Time for which used things stay where the user does not say otherwise.
const DEFAULT_KEEP_MS: u64 = 2 * 3_600_000;

/// Limits of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Bytes on disk to which the store is reduced. Volumes do not count. Things that are never removed stay even if
    /// they alone need more.
    pub budget_bytes: u64,
    /// Time in milliseconds for which anything stays after its last use. Uses are noted to the hour.
    pub keep_ms: u64,
}

impl Policy {
    /// Returns the default policy: a fifth of the file system that `root` is on, but at least 10 GiB or half of a smaller
    /// disk; and everything that was used in the last two hours, unless the disk is nearly full.
    pub fn for_disk(root: &Path) -> Result<Self, StoreError> {
        let disk = rustix::fs::statvfs(root).at("stat the file system of", root)?;
        let size_bytes = disk.f_blocks.saturating_mul(disk.f_frsize);
        let budget_bytes = (size_bytes / 5).max(MIN_BUDGET_BYTES.min(size_bytes / 2));
        Ok(Self { budget_bytes, keep_ms: if is_nearly_full(&disk) { 0 } else { DEFAULT_KEEP_MS } })
    }
}

/// Returns whether a file system has less room left than a twentieth of its size, or 1 GiB.
fn is_nearly_full(disk: &rustix::fs::StatVfs) -> bool {
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    bytes(disk.f_bavail) < (bytes(disk.f_blocks) / 20).min(1 << 30)
}

/// Result of a collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Bytes on disk before the collection, without volumes.
    pub before_bytes: u64,
    /// Bytes on disk that were freed.
    pub freed_bytes: u64,
    /// Number of layers and other blobs that were removed.
    pub blobs: u64,
    /// Number of records that were removed, useless ones included.
    pub records: u64,
    /// Number of notes (pins, downloads, commits) that were removed, useless ones included.
    pub notes: u64,
    /// Number of cache mounts that were removed.
    pub mounts: u64,
    /// Number of images without a name that were taken off the list.
    pub images: u64,
}

impl Store {
    /// Returns whether no collection has looked at the store for a day, or the disk is nearly full. Costs
    /// two calls of the kernel, for the end of a build.
    pub fn is_collection_due(root: &Path) -> bool {
        let looked = root.join("collected").symlink_metadata().and_then(|metadata| metadata.modified());
        let age = looked.ok().and_then(|time| time.elapsed().ok());
        age.is_none_or(|age| {
            age >= INTERVAL || rustix::fs::statvfs(root).is_ok_and(|disk| is_nearly_full(&disk))
        })
    }

    /// Collects in the store at `root`. Returns `None` if another process collects; then nothing was done.
    ///
    /// [`StoreError::BadRoot`] and [`StoreError::NoRoot`] mean that nothing was removed, because it is unknown what must
    /// stay.
    pub fn collect(root: &Path, policy: &Policy) -> Result<Option<Collected>, StoreError> {
        Self::collect_keeping(root, policy, &VersionLimits::default())
    }

    /// Like [`Store::collect`], but keeps the images of other versions than by default.
    pub fn collect_keeping(
        root: &Path,
        policy: &Policy,
        limits: &VersionLimits,
    ) -> Result<Option<Collected>, StoreError> {
        collect_with(root, |store, needed_from_ms| run(store, policy, limits, needed_from_ms))
    }

    /// Removes those of `digests` that nothing needs: no image on the list, no container and no record of a step.
    ///
    /// Called after images were taken off the list, with [`Store::reached_from`] of each. Returns `None` if another process
    /// collects; then a later collection does the work.
    pub fn collect_blobs(root: &Path, digests: &BTreeSet<Digest>) -> Result<Option<Collected>, StoreError> {
        collect_with(root, |store, needed_from_ms| run_for(store, digests, needed_from_ms))
    }

    /// Returns the digests of all blobs that a manifest or index leads to, whether or not the store has them.
    pub fn reached_from(&self, root: &Descriptor) -> BTreeSet<Digest> {
        Reach::of(self, root).digests
    }
}

/// Takes the right to collect, and lets `work` collect in the store. It is told from which time on everything must stay.
fn collect_with(
    root: &Path,
    work: impl FnOnce(&Store, Option<u64>) -> Result<Collected, StoreError>,
) -> Result<Option<Collected>, StoreError> {
    let root = &prepare(root)?;
    let Some(Lease { lock, needed_from_ms, collecting: _collecting }) = Lease::take(root)? else {
        return Ok(None);
    };
    let store = Store { session: Arc::new(Session::with_lock(root, lock)) };
    clear(leftovers(root)?);
    let mark = root.join("collected");
    // A full disk may have no room for the mark. Then the next build tries again, as it should.
    let _ = open_or_create(&mark).and_then(|file| file.set_modified(SystemTime::now()));
    work(&store, needed_from_ms).map(Some)
}

fn run_for(
    store: &Store,
    digests: &BTreeSet<Digest>,
    needed_from_ms: Option<u64>,
) -> Result<Collected, StoreError> {
    let now_ms = now_ms();
    let Survey { mut candidates, fixed_bytes, nameless, .. } = Survey::of(store, &VersionLimits::default())?;
    let before_bytes = fixed_bytes + candidates.iter().map(|candidate| candidate.size_bytes).sum::<u64>();
    let listed = listed(&nameless);
    candidates.retain(|candidate| {
        let is_meant =
            candidate.digest.is_some_and(|digest| digests.contains(&digest) && !listed.contains(&digest));
        is_meant && candidate.records.is_empty() && candidate.used_ms <= needed_from_ms.unwrap_or(u64::MAX)
    });
    let mut removal = Removal::new(store, needed_from_ms.map(|_| now_ms));
    candidates.iter().try_for_each(|candidate| removal.remove(candidate))?;
    Ok(Collected { before_bytes, ..removal.done })
}

fn run(
    store: &Store,
    policy: &Policy,
    limits: &VersionLimits,
    needed_from_ms: Option<u64>,
) -> Result<Collected, StoreError> {
    let now_ms = now_ms();
    let Survey { candidates, fixed_bytes, nameless, useless } = Survey::of(store, limits)?;
    let mut removal = Removal::new(store, needed_from_ms.map(|_| now_ms));
    removal.remove_useless(&useless)?;
    let before_bytes = fixed_bytes + candidates.iter().map(|candidate| candidate.size_bytes).sum::<u64>();
    let newest_ms = now_ms.saturating_sub(policy.keep_ms).min(needed_from_ms.unwrap_or(u64::MAX));
    let doomed = choose(candidates, policy.budget_bytes, newest_ms, before_bytes);
    let gone: BTreeSet<Digest> = doomed.iter().filter_map(|candidate| candidate.digest).collect();
    let needed = listed(&nameless);
    let (listed, unlisted): (Vec<_>, Vec<_>) = doomed
        .into_iter()
        .partition(|candidate| candidate.digest.is_some_and(|digest| needed.contains(&digest)));
    // Blobs that no image on the list needs go first: on a full disk they make room for the new list.
    unlisted.iter().try_for_each(|candidate| removal.remove(candidate))?;
    let is_over =
        |entry: &Descriptor| replaced_ms(entry).is_some_and(|replaced_ms| past(replaced_ms) <= newest_ms);
    let images = nameless.iter().filter(|image| !image.digests.is_disjoint(&gone) || is_over(&image.entry));
    removal.remove_images(&images.map(|image| image.entry.digest).collect())?;
    listed.iter().try_for_each(|candidate| removal.remove(candidate))?;
    Ok(Collected { before_bytes, ..removal.done })
}

/// Returns every digest that an image on the list consists of. It is one set for all images, since a search in each of them for
/// every candidate took ten seconds for some thousands of images.
fn listed(nameless: &[NamelessImage]) -> HashSet<Digest> {
    nameless.iter().flat_map(|image| image.digests.iter().copied()).collect()
}

/// Returns the candidates that must go for the rest to fit, the least recently used first. Candidates that were used
/// after `newest_ms` stay.
fn choose(
    mut candidates: Vec<Candidate>,
    budget_bytes: u64,
    newest_ms: u64,
    mut total_bytes: u64,
) -> Vec<Candidate> {
    candidates.sort_by_key(|candidate| candidate.used_ms);
    candidates.retain(|candidate| {
        let is_doomed = total_bytes > budget_bytes && candidate.used_ms <= newest_ms;
        if is_doomed {
            total_bytes = total_bytes.saturating_sub(candidate.size_bytes);
        }
        is_doomed
    });
    candidates
}
