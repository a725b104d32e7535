//! Names of images: the OCI layout's `index.json`.
//!
//! An image has an entry for each of its names; one that has lost its last name keeps an entry without. Other tools
//! read the file (`skopeo copy oci:<root>:docker.io/library/busybox:latest`); they find names where they expect them.
//!
//! Concurrency: changes hold `index.json.lock`; readers need no lock, the file is replaced as a whole.

use std::fs::File;
use std::path::PathBuf;

use oci::{Descriptor, Digest, Index, Reference};

use crate::files::{At, now_ms, read_if_present, renew_reserve, replace, spend_reserve};
use crate::locks::{Mode, lock_file};
use crate::{Store, StoreError};

/// Where the image specification and skopeo look for a name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Where containerd and Docker look for it.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// When the image was built on this machine, in milliseconds since 1970: what `created` must not tell, for the same
/// inputs to give the same image.
pub const BUILT_ANNOTATION: &str = "dsbuild.built";

impl Store {
    /// Gives an image a name; the former image of the name keeps its blobs. Syncs the file system first:
    /// what a name points at survives a power cut. A name that has this image already is left as it is, so that a
    /// build that changes nothing writes nothing.
    pub fn tag(&self, name: &Reference, manifest: Descriptor) -> Result<(), StoreError> {
        self.change_index(|entries| {
            let wanted = name.to_string();
            if entries.iter().any(|entry| name_of(entry) == Some(&wanted) && says_all_of(entry, &manifest)) {
                return false;
            }
            take_name(entries, name);
            let entry = named(manifest, name);
            entries.retain(|other| other.digest != entry.digest || name_of(other).is_some());
            entries.push(entry);
            true
        })
        .map(|_| ())
    }

    /// Keeps an image that has no name, so that it is listed and its blobs stay.
    pub fn keep_image(&self, manifest: Descriptor) -> Result<(), StoreError> {
        self.change_index(|entries| {
            let known = entries.iter().any(|entry| entry.digest == manifest.digest);
            if !known {
                entries.push(nameless(built_now(manifest)));
            }
            !known
        })
        .map(|_| ())
    }

    /// Takes a name away; true if there was one. The image stays, without a name if that was its last.
    pub fn untag(&self, name: &Reference) -> Result<bool, StoreError> {
        self.change_index(|entries| take_name(entries, name))
    }

    /// Takes an image off the list with all its names; true if it was on it. Its blobs go with the next collection.
    pub fn remove_image(&self, manifest: &Digest) -> Result<bool, StoreError> {
        self.change_index(|entries| {
            let count = entries.len();
            entries.retain(|entry| entry.digest != *manifest);
            entries.len() < count
        })
    }

    /// The image of a name.
    pub fn resolve(&self, name: &Reference) -> Result<Option<Descriptor>, StoreError> {
        let wanted = name.to_string();
        let found = self.load_index()?.manifests.into_iter().find(|entry| name_of(entry) == Some(&wanted));
        Ok(found.map(nameless))
    }

    /// Every name, in order. An image without a name has an entry with `None`, after all others.
    pub fn images(&self) -> Result<Vec<(Option<Reference>, Descriptor)>, StoreError> {
        let entries = self.load_index()?.manifests.into_iter();
        let mut images: Vec<_> = entries
            .map(|entry| (name_of(&entry).and_then(|name| name.parse().ok()), nameless(entry)))
            .collect();
        images.sort_by(|(a, x), (b, y)| (a.is_none(), a, x.digest).cmp(&(b.is_none(), b, y.digest)));
        Ok(images)
    }

    fn index_path(&self) -> PathBuf {
        self.root().join("index.json")
    }

    pub(crate) fn load_index(&self) -> Result<Index, StoreError> {
        let path = self.index_path();
        let bytes = read_if_present(&path).at("read", &path)?;
        let bytes = bytes.unwrap_or_else(|| empty().into_bytes());
        serde_json::from_slice(&bytes).at("read the names in", &path)
    }

    /// Lets `change` edit the entries; writes them if it says that it did, and passes its answer on.
    fn change_index(&self, change: impl FnOnce(&mut Vec<Descriptor>) -> bool) -> Result<bool, StoreError> {
        let _lock = lock_file(&self.root().join("index.json.lock"), Mode::Exclusive)?;
        let mut index = self.load_index()?;
        let changed = change(&mut index.manifests);
        if changed {
            self.sync()?;
            let json = serde_json::to_vec_pretty(&index).expect("an index is maps, strings and numbers");
            self.write_index(&json)?;
        }
        Ok(changed)
    }

    /// A full disk must not keep anyone from removing an image: the reserve is spent on the new list.
    fn write_index(&self, json: &[u8]) -> Result<(), StoreError> {
        let write = || replace(&self.index_path(), &self.home.tmp_path()?, json, true);
        match write() {
            Err(error) if error.is_no_space() && spend_reserve(self.root()) => write(),
            written => {
                renew_reserve(self.root());
                written
            }
        }
    }

    /// Puts everything written so far on disk, blobs, names of blobs and what `rootfs` derived.
    fn sync(&self) -> Result<(), StoreError> {
        let root = File::open(self.root()).at("open", self.root())?;
        rustix::fs::syncfs(&root).at("sync", self.root())
    }
}

/// The document without an entry.
pub(crate) fn empty() -> String {
    serde_json::to_string_pretty(&Index::new(Vec::new())).expect("an index is maps, strings and numbers")
}

/// The name that an entry gives its image.
pub(crate) fn name_of(entry: &Descriptor) -> Option<&String> {
    entry.annotations.get(REF_NAME)
}

fn named(entry: Descriptor, name: &Reference) -> Descriptor {
    let mut entry = built_now(entry);
    entry.annotations.insert(REF_NAME.to_owned(), name.to_string());
    entry.annotations.insert(CONTAINERD_NAME.to_owned(), name.to_string());
    entry
}

fn built_now(mut entry: Descriptor) -> Descriptor {
    entry.annotations.entry(BUILT_ANNOTATION.to_owned()).or_insert_with(|| now_ms().to_string());
    entry
}

fn nameless(mut entry: Descriptor) -> Descriptor {
    entry.annotations.remove(REF_NAME);
    entry.annotations.remove(CONTAINERD_NAME);
    entry
}

/// True if `entry` is for the same image, and has everything that the caller says about it.
fn says_all_of(entry: &Descriptor, manifest: &Descriptor) -> bool {
    let same = |(key, value)| entry.annotations.get(key) == Some(value);
    (&entry.digest, &entry.media_type, &entry.platform)
        == (&manifest.digest, &manifest.media_type, &manifest.platform)
        && manifest.annotations.iter().all(same)
}

/// Takes a name from its entry; the entry stays if it was the image's only one.
fn take_name(entries: &mut Vec<Descriptor>, name: &Reference) -> bool {
    let wanted = name.to_string();
    let Some(at) = entries.iter().position(|entry| name_of(entry) == Some(&wanted)) else { return false };
    let entry = entries.remove(at);
    if !entries.iter().any(|other| other.digest == entry.digest) {
        entries.push(nameless(entry));
    }
    true
}
