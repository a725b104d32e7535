//! The survey: what is in the store, how large it is, when it was used, and whether it must stay. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use oci::{Descriptor, Digest};
use rayon::prelude::*;

use super::candidate::{Candidate, past};
use crate::files::{files_in, names_in, read_if_present};
use crate::index::{BUILT_ANNOTATION, name_of};
use crate::notes::{all_notes, blob_of};
use crate::partial::is_partial;
use crate::reach::Reach;
use crate::records::{all_records, decode};
use crate::roots::protected;
use crate::stale::stale_layers;
use crate::tree::measure;
use crate::versions::{VersionLimits, kept};
use crate::{Store, StoreError};

/// Everything in a store, sorted by whether it can go.
pub(super) struct Survey {
    pub(super) candidates: Vec<Candidate>,
    /// Bytes on disk of what must stay.
    pub(super) fixed_bytes: u64,
    pub(super) nameless: Vec<NamelessImage>,
    pub(super) useless: Useless,
}

/// An image that has lost its last name.
pub(super) struct NamelessImage {
    pub(super) entry: Descriptor,
    /// Every digest that the image consists of.
    pub(super) digests: BTreeSet<Digest>,
}

/// Paths of things that nothing can use.
#[derive(Default)]
pub(super) struct Useless {
    /// Records that are damaged or whose layer is gone.
    pub(super) records: Vec<PathBuf>,
    /// Notes whose blob is gone.
    pub(super) notes: Vec<PathBuf>,
    /// Derived files of layers that are gone.
    pub(super) trees: Vec<PathBuf>,
    /// Locks of steps, unless a step still runs.
    pub(super) step_locks: Vec<PathBuf>,
    /// Directories of cache mounts without an instance.
    pub(super) empty_dirs: Vec<PathBuf>,
}

impl Survey {
    /// Looks at the whole store. Fails if it is unknown what must stay.
    pub(super) fn of(store: &Store, limits: &VersionLimits) -> Result<Self, StoreError> {
        let (pinned, nameless) = reached(store, limits)?;
        let mut survey =
            Self { candidates: Vec::new(), fixed_bytes: 0, nameless, useless: Useless::default() };
        let mut blobs = survey.blobs(store)?;
        survey.count_builds(&mut blobs);
        for (digest, candidate) in blobs {
            if pinned.contains(&digest) {
                survey.fixed_bytes += candidate.size_bytes;
            } else {
                survey.candidates.push(candidate);
            }
        }
        survey.fixed_bytes += measure(&store.root().join("containers"));
        survey.add_mounts(store)?;
        survey.add_files(store)?;
        Ok(survey)
    }

    /// Returns a candidate for each blob, with the records and notes that lead to it.
    fn blobs(&mut self, store: &Store) -> Result<BTreeMap<Digest, Candidate>, StoreError> {
        let names = names_in(&store.root().join("blobs/sha256"))?;
        let digests: Vec<Digest> = names.iter().filter_map(|name| Digest::from_hex(name).ok()).collect();
        let mut blobs: BTreeMap<Digest, Candidate> =
            digests.par_iter().map(|digest| (*digest, Candidate::blob(store, *digest))).collect();
        self.useless.trees = stale_layers(store)?;
        self.attach_records(store, &mut blobs)?;
        self.attach_notes(store, &mut blobs)?;
        Ok(blobs)
    }

    fn attach_records(
        &mut self,
        store: &Store,
        blobs: &mut BTreeMap<Digest, Candidate>,
    ) -> Result<(), StoreError> {
        for (key, path) in all_records(store.root())? {
            let Some(bytes) = content(&path) else { continue };
            match decode(&key, &bytes).and_then(|record| blobs.get_mut(&record.layer.0)) {
                Some(blob) => {
                    blob.count(&path);
                    blob.records.push(path);
                }
                None => self.useless.records.push(path),
            }
        }
        Ok(())
    }

    fn attach_notes(
        &mut self,
        store: &Store,
        blobs: &mut BTreeMap<Digest, Candidate>,
    ) -> Result<(), StoreError> {
        for path in all_notes(store.root())? {
            if is_partial(&path) {
                self.candidates.push(Candidate::note(path));
                continue;
            }
            let Some(bytes) = content(&path) else { continue };
            match blob_of(&bytes).map(|digest| blobs.get_mut(&digest)) {
                Some(Some(blob)) => {
                    blob.count(&path);
                    blob.notes.push(path);
                }
                Some(None) => self.useless.notes.push(path),
                None => self.candidates.push(Candidate::note(path)),
            }
        }
        Ok(())
    }

    /// Counts the build of an image without a name as a use of its blobs.
    fn count_builds(&self, blobs: &mut BTreeMap<Digest, Candidate>) {
        for NamelessImage { entry, digests } in &self.nameless {
            let built_ms = entry.annotations.get(BUILT_ANNOTATION).and_then(|text| text.parse().ok());
            for digest in digests {
                if let Some(blob) = blobs.get_mut(digest) {
                    blob.used_ms = blob.used_ms.max(past(built_ms.unwrap_or(0)));
                }
            }
        }
    }

    fn add_mounts(&mut self, store: &Store) -> Result<(), StoreError> {
        let dir = store.root().join("mounts");
        for id in names_in(&dir)? {
            let instances = names_in(&dir.join(&id))?;
            if instances.is_empty() {
                self.useless.empty_dirs.push(dir.join(&id));
            }
            for number in instances {
                let path = dir.join(&id).join(number);
                self.candidates.push(Candidate { is_mount: true, ..Candidate::tree(path) });
            }
        }
        Ok(())
    }

    fn add_files(&mut self, store: &Store) -> Result<(), StoreError> {
        self.candidates.extend(files_in(&store.root().join("stat"))?.into_iter().map(Candidate::tree));
        self.useless.step_locks = files_in(&store.root().join("steps"))?;
        Ok(())
    }
}

/// Returns the content of a record or note. A lost or damaged file has no content; `None` means that the file cannot be
/// read, so it stays.
fn content(path: &Path) -> Option<Vec<u8>> {
    match read_if_present(path) {
        Ok(bytes) => Some(bytes.unwrap_or_default()),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Some(Vec::new()),
        Err(_) => None,
    }
}

/// Returns the digests that must stay, and the images that have no name. Fails if a document of a named image or of
/// a version cannot be
/// read: the blobs that it names would look as if nothing needed them.
fn reached(
    store: &Store,
    limits: &VersionLimits,
) -> Result<(BTreeSet<Digest>, Vec<NamelessImage>), StoreError> {
    let mut pinned = protected(store.root())?;
    let mut nameless = Vec::new();
    for entry in store.load_index()?.manifests {
        let Reach { digests, failure, .. } = Reach::of(store, &entry);
        if name_of(&entry).is_some() {
            failure.map_or(Ok(()), Err)?;
            pinned.extend(digests);
        } else {
            nameless.push(NamelessImage { entry, digests });
        }
    }
    for manifest in kept(store.root(), limits)? {
        let Reach { digests, failure, .. } = Reach::of(store, &manifest);
        failure.map_or(Ok(()), Err)?;
        pinned.extend(digests);
    }
    Ok((pinned, nameless))
}
