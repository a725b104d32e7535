//! Names of images, which are kept in the OCI layout's `index.json`.
//!
//! Other tools can read that file: `skopeo copy oci:<root>:docker.io/library/busybox:latest …` finds the image.
//!
//! Concurrency: a change holds `index.json.lock`. Readers need no lock, as the file is always replaced as a whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use oci::{Descriptor, Digest, Index, Reference, media_type};

use crate::files::{IoContext, open_dir, read_if_present, replace};
use crate::index::{covers, name_of, take_name, with_build_time, with_name, with_summary, without_name};
use crate::locks::{Mode, lock_file};
use crate::reach::MAX_DOCUMENT_BYTES;
use crate::versions::Draft;
use crate::{Store, StoreError, reserve};

impl Store {
    /// Gives an image a name. The image that had the name before keeps its blobs, and loses only the name.
    ///
    /// Syncs the file system first: whatever a name leads to survives a power cut. A name that has this image already is
    /// left as it is, so that a build that changes nothing writes nothing.
    ///
    /// A name that moves to another image records a version ([`Store::versions`]). A version that cannot be recorded is no
    /// reason to refuse the name.
    pub fn tag(&self, name: &Reference, manifest: Descriptor) -> Result<(), StoreError> {
        let lock = self.lock_index()?;
        let mut draft = None;
        self.change_locked_index(&lock, |entries| {
            let text = name.to_string();
            let before = entries.iter().find(|entry| name_of(entry) == Some(&text));
            if before.is_some_and(|entry| covers(entry, &manifest)) {
                return false;
            }
            draft = self.draft_version(name, before, &manifest).ok().flatten();
            take_name(entries, name, true);
            let entry = self.summarized(with_name(manifest, name));
            entries.retain(|other| other.digest != entry.digest || name_of(other).is_some());
            entries.push(entry);
            true
        })?;
        let _ = draft.map(Draft::publish);
        Ok(())
    }

    /// Puts an image without a name on the list, so that it is shown and its blobs are kept for a while.
    pub fn keep_image(&self, manifest: Descriptor) -> Result<(), StoreError> {
        self.change_index(|entries| {
            let is_known = entries.iter().any(|entry| entry.digest == manifest.digest);
            if !is_known {
                entries.push(self.summarized(without_name(with_build_time(manifest))));
            }
            !is_known
        })
        .map(|_| ())
    }

    /// Returns the entry of an image with copies of what lists show; unchanged if it is an index, or cannot be read.
    fn summarized(&self, entry: Descriptor) -> Descriptor {
        if !media_type::is_manifest(&entry.media_type) {
            return entry;
        }
        let bytes = self.get_blob(&entry.digest, MAX_DOCUMENT_BYTES);
        match bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            Some(manifest) => with_summary(entry, &manifest),
            None => entry,
        }
    }

    /// Takes a name away; returns whether it existed. The image stays, without a name if that was its last. The versions of
    /// the name are forgotten.
    pub fn untag(&self, name: &Reference) -> Result<bool, StoreError> {
        let lock = self.lock_index()?;
        let is_changed = self.change_locked_index(&lock, |entries| take_name(entries, name, false))?;
        self.forget_versions(name)?;
        Ok(is_changed)
    }

    /// Takes an image off the list with all its names, whose versions are forgotten; returns whether it was on the list.
    /// The next collection can remove its blobs.
    pub fn remove_image(&self, manifest: &Digest) -> Result<bool, StoreError> {
        let lock = self.lock_index()?;
        let mut removed = Vec::new();
        self.change_locked_index(&lock, |entries| {
            removed = entries.extract_if(.., |entry| entry.digest == *manifest).collect();
            !removed.is_empty()
        })?;
        let names = removed.iter().filter_map(|entry| name_of(entry)?.parse().ok());
        for name in names.collect::<Vec<Reference>>() {
            self.forget_versions(&name)?;
        }
        Ok(!removed.is_empty())
    }

    /// Takes images off the list in one change, and returns their number. Images that have a name again stay.
    pub(crate) fn remove_nameless(&self, manifests: &BTreeSet<Digest>) -> Result<u64, StoreError> {
        let mut removed = 0;
        self.change_index(|entries| {
            let count = entries.len();
            entries.retain(|entry| name_of(entry).is_some() || !manifests.contains(&entry.digest));
            removed = count - entries.len();
            removed > 0
        })?;
        Ok(removed as u64)
    }

    /// Returns the manifest (or index) that a name leads to, or `None` if no image has this name.
    pub fn resolve(&self, name: &Reference) -> Result<Option<Descriptor>, StoreError> {
        let name = name.to_string();
        let found = self.load_index()?.manifests.into_iter().find(|entry| name_of(entry) == Some(&name));
        Ok(found.map(without_name))
    }

    /// Lists every name with its image, sorted by name. Images without a name come last, with `None`.
    pub fn images(&self) -> Result<Vec<(Option<Reference>, Descriptor)>, StoreError> {
        let entries = self.load_index()?.manifests.into_iter();
        let mut images: Vec<_> = entries
            .map(|entry| (name_of(&entry).and_then(|name| name.parse().ok()), without_name(entry)))
            .collect();
        images.sort_by(|(a, x), (b, y)| (a.is_none(), a, x.digest).cmp(&(b.is_none(), b, y.digest)));
        Ok(images)
    }

    /// Reads `index.json`. If it is lost or damaged, returns what can be restored of it, and tells the user.
    pub(crate) fn load_index(&self) -> Result<Index, StoreError> {
        Ok(self.load_or_restore_index()?.0)
    }

    /// Like [`Store::load_index`]; also returns whether the list had to be restored.
    fn load_or_restore_index(&self) -> Result<(Index, bool), StoreError> {
        match self.read_index() {
            Err(error) if error.is_damage() => {
                let (index, restored) = self.restored_index()?;
                self.session.notices.send(&format!("{error}; {restored}"));
                Ok((index, true))
            }
            read => Ok((read?, false)),
        }
    }

    /// Reads `index.json`, and reports damage.
    pub(crate) fn read_index(&self) -> Result<Index, StoreError> {
        let path = self.index_path();
        let bytes = read_if_present(&path).at("read", &path)?;
        let lost = || io::Error::new(io::ErrorKind::NotFound, "the file is gone");
        serde_json::from_slice(&bytes.ok_or_else(lost).at("read", &path)?).at("read the names in", &path)
    }

    pub(crate) fn index_copy_path(&self) -> PathBuf {
        self.root().join("index.json.copy")
    }

    fn index_path(&self) -> PathBuf {
        self.root().join("index.json")
    }

    /// Lets `change` edit the entries, and writes them if it returns `true`. Returns what `change` did.
    pub(crate) fn change_index(
        &self,
        change: impl FnOnce(&mut Vec<Descriptor>) -> bool,
    ) -> Result<bool, StoreError> {
        self.change_locked_index(&self.lock_index()?, change)
    }

    /// Waits for the lock of `index.json`.
    fn lock_index(&self) -> Result<File, StoreError> {
        lock_file(&self.root().join("index.json.lock"), Mode::Exclusive)
    }

    /// Like [`Store::change_index`], for a caller that holds the lock.
    fn change_locked_index(
        &self,
        _lock: &File,
        change: impl FnOnce(&mut Vec<Descriptor>) -> bool,
    ) -> Result<bool, StoreError> {
        let (mut index, is_restored) = self.load_or_restore_index()?;
        let changed = change(&mut index.manifests);
        if changed || is_restored {
            self.sync()?;
            self.write_index(&index)?;
        }
        Ok(changed)
    }

    /// Replaces `index.json`, and then its copy: a list that is emptied or overwritten by accident is not lost. The caller
    /// holds the lock.
    pub(crate) fn write_index(&self, index: &Index) -> Result<(), StoreError> {
        let json = serde_json::to_vec_pretty(index).expect("an index is maps, strings and numbers");
        reserve::replace_file(&self.session, &self.index_path(), &json)?;
        // Without room for a new copy, the one of an earlier list stays.
        let _ = self.session.tmp_path().and_then(|tmp| replace(&self.index_copy_path(), &tmp, &json, false));
        Ok(())
    }

    /// Puts everything written so far on disk: blobs, their names, and what `rootfs` derived from them.
    fn sync(&self) -> Result<(), StoreError> {
        let root = open_dir(self.root()).at("open", self.root())?;
        rustix::fs::syncfs(&root).at("sync", self.root())
    }
}
