//! Collection: keeps the store within a budget, by taking what was not used for longest.
//!
//! Never taken: what names lead to, the layers of containers, what was used lately (the policy says how lately).
//! Taken in order of last use, until the rest fits: a layer with everything derived from it and the records that lead
//! to it, a blob, a cache mount, the stat cache of a context. An image without a name counts as used when it was
//! built; it leaves the list before its first blob goes. Useless whatever the budget: records without a layer, what was
//! derived from a layer that is gone, leftovers.
//!
//! Concurrency: holds the store's lock exclusively, so no other process (and no other handle of ours) has it open.
//! Killed half-way it has removed less: records go before the layer they lead to, trees are moved to `tmp/` first.
//! Only unlinks and renames within directories, but for the list of names: it works on a full disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::{Descriptor, DiffId, Digest};
use rayon::prelude::*;
use serde::Deserialize;

use crate::files::{IoContext, millis, names_in, now_ms, read_if_present, remove_file};
use crate::index::{BUILT_ANNOTATION, name_of};
use crate::layout::prepare;
use crate::locks::{open_lock_file, try_lock};
use crate::reach::Reach;
use crate::records::{all_records, decode};
use crate::session::Session;
use crate::stale::stale_layers;
use crate::tmp::{clear, leftovers, random_name};
use crate::tree::{measure, remove_tree};
use crate::{Store, StoreError};

/// How often to look.
const INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// How much to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Bytes on disk that the store may have after collection. What must stay stays even if it has more.
    pub budget_bytes: u64,
    /// What was used within this time stays. Use is noted to the hour.
    pub keep_ms: u64,
}

impl Policy {
    /// The policy where nobody has said another: a fifth of the file system that `root` is on, but no less than
    /// 10 GiB; and what was used in the last two hours.
    pub fn for_disk(root: &Path) -> Result<Self, StoreError> {
        let disk = rustix::fs::statvfs(root).at("stat the file system of", root)?;
        let size_bytes = disk.f_blocks.saturating_mul(disk.f_frsize);
        Ok(Self { budget_bytes: (size_bytes / 5).max(10 << 30), keep_ms: 2 * 3_600_000 })
    }
}

/// What a collection has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Bytes on disk before.
    pub before_bytes: u64,
    /// Bytes that have been freed.
    pub freed_bytes: u64,
    /// Layers and other blobs removed.
    pub blobs: u64,
    /// Records removed.
    pub records: u64,
    /// Cache mounts removed.
    pub mounts: u64,
    /// Images without a name removed.
    pub images: u64,
}

/// What goes or stays as one.
#[derive(Debug, Default)]
struct Item {
    used_ms: u64,
    size_bytes: u64,
    /// The blob of this name, and what is derived from it.
    digest: Option<Digest>,
    /// Goes first.
    records: Vec<PathBuf>,
    /// Moved to `tmp/`, then removed.
    trees: Vec<PathBuf>,
    is_mount: bool,
}

impl Store {
    /// True if no collection has looked at the store for a day. One `stat`, for the end of a build.
    pub fn is_collection_due(root: &Path) -> bool {
        let looked = root.join("collected").metadata().and_then(|metadata| metadata.modified());
        !looked.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < INTERVAL))
    }

    /// Collects in the store at `root`. `None` if someone has it open: then nothing has been done.
    pub fn collect(root: &Path, policy: &Policy) -> Result<Option<Collected>, StoreError> {
        prepare(root)?;
        let path = root.join("lock");
        let lock = open_lock_file(&path)?;
        if !try_lock(&lock).at("lock", &path)? {
            return Ok(None);
        }
        let store = Self { session: Arc::new(Session::with_lock(root, lock)) };
        clear(leftovers(root)?);
        let mark = root.join("collected");
        // On a full disk there may be no room for it; then the next build tries again, as it should.
        let _ = std::fs::File::create(&mark).and_then(|file| file.set_modified(SystemTime::now()));
        Collection::survey(&store)?.run(policy).map(Some)
    }
}

struct Collection<'a> {
    store: &'a Store,
    items: Vec<Item>,
    /// Bytes of what is never taken.
    fixed_bytes: u64,
    /// Images without a name, and what they consist of.
    nameless: Vec<(Descriptor, BTreeSet<Digest>)>,
    done: Collected,
}

impl<'a> Collection<'a> {
    /// Finds out what there is, how large it is and when it was used.
    fn survey(store: &'a Store) -> Result<Self, StoreError> {
        let mut collection = Self {
            store,
            items: Vec::new(),
            fixed_bytes: 0,
            nameless: Vec::new(),
            done: Collected::default(),
        };
        let mut pinned = container_layers(store.root())?;
        for entry in store.load_index()?.manifests {
            let reached = Reach::of(store, &entry).digests;
            match name_of(&entry) {
                Some(_) => pinned.extend(reached),
                None => collection.nameless.push((entry, reached)),
            }
        }
        let mut layers = collection.layers()?;
        for (entry, reached) in &collection.nameless {
            let built_ms = entry.annotations.get(BUILT_ANNOTATION).and_then(|text| text.parse().ok());
            for digest in reached {
                if let Some(item) = layers.get_mut(digest) {
                    item.used_ms = item.used_ms.max(built_ms.unwrap_or(0));
                }
            }
        }
        for (digest, item) in layers {
            match pinned.contains(&digest) {
                true => collection.fixed_bytes += item.size_bytes,
                false => collection.items.push(item),
            }
        }
        collection.fixed_bytes += measure(&store.root().join("containers"));
        collection.add_mounts()?;
        collection.add_stat_caches()?;
        Ok(collection)
    }

    /// Blobs by name, each with what is derived from it and the records that lead to it.
    fn layers(&mut self) -> Result<BTreeMap<Digest, Item>, StoreError> {
        let root = self.store.root();
        for path in stale_layers(self.store)? {
            self.remove_tree(&path)?;
        }
        let dir = root.join("blobs/sha256");
        let digests: Vec<Digest> =
            names_in(&dir)?.iter().filter_map(|name| Digest::from_hex(name).ok()).collect();
        let mut items: BTreeMap<Digest, Item> =
            digests.par_iter().map(|digest| (*digest, layer_item(self.store, *digest))).collect();
        for (key, path) in all_records(root)? {
            let bytes = read_if_present(&path).unwrap_or_default().unwrap_or_default();
            match decode(&key, &bytes).and_then(|record| items.get_mut(&record.layer.0)) {
                Some(item) => {
                    item.used_ms = item.used_ms.max(modified_ms(&path));
                    item.size_bytes += measure(&path);
                    item.records.push(path);
                }
                None => self.remove_record(&path)?,
            }
        }
        Ok(items)
    }

    fn add_mounts(&mut self) -> Result<(), StoreError> {
        let dir = self.store.root().join("mounts");
        for id in names_in(&dir)? {
            for number in names_in(&dir.join(&id))? {
                let path = dir.join(&id).join(number);
                self.items.push(Item { is_mount: true, ..tree_item(path) });
            }
        }
        Ok(())
    }

    fn add_stat_caches(&mut self) -> Result<(), StoreError> {
        let dir = self.store.root().join("stat");
        self.items.extend(names_in(&dir)?.into_iter().map(|name| tree_item(dir.join(name))));
        Ok(())
    }

    fn run(mut self, policy: &Policy) -> Result<Collected, StoreError> {
        let items_bytes: u64 = self.items.iter().map(|item| item.size_bytes).sum();
        self.done.before_bytes = self.fixed_bytes + items_bytes + self.done.freed_bytes;
        let doomed = self.choose(policy, self.fixed_bytes + items_bytes);
        let gone: BTreeSet<Digest> = doomed.iter().filter_map(|item| item.digest).collect();
        let images: Vec<Digest> = self
            .nameless
            .iter()
            .filter(|(_, reached)| !reached.is_disjoint(&gone))
            .map(|(entry, _)| entry.digest)
            .collect();
        let (listed, free): (Vec<_>, Vec<_>) =
            doomed.into_iter().partition(|item| item.digest.is_some_and(|digest| self.is_listed(&digest)));
        // On a full disk this makes room for the new list of names.
        free.iter().try_for_each(|item| self.remove(item))?;
        for image in images {
            self.done.images += u64::from(self.store.remove_image(&image)?);
        }
        listed.iter().try_for_each(|item| self.remove(item))?;
        Ok(self.done)
    }

    fn is_listed(&self, digest: &Digest) -> bool {
        self.nameless.iter().any(|(_, reached)| reached.contains(digest))
    }

    /// The items that must go for the rest to fit.
    fn choose(&mut self, policy: &Policy, mut total_bytes: u64) -> Vec<Item> {
        let newest_ms = now_ms().saturating_sub(policy.keep_ms);
        let mut items = std::mem::take(&mut self.items);
        items.sort_by_key(|item| item.used_ms);
        let mut is_doomed = |item: &Item| {
            let doomed = total_bytes > policy.budget_bytes && item.used_ms <= newest_ms;
            if doomed {
                total_bytes = total_bytes.saturating_sub(item.size_bytes);
            }
            doomed
        };
        items.retain(&mut is_doomed);
        items
    }

    fn remove(&mut self, item: &Item) -> Result<(), StoreError> {
        item.records.iter().try_for_each(|path| self.remove_record(path))?;
        if let Some(digest) = &item.digest {
            self.done.blobs += u64::from(self.store.delete_blob(digest)?);
        }
        for path in &item.trees {
            self.remove_tree(path)?;
        }
        self.done.mounts += u64::from(item.is_mount);
        self.done.freed_bytes += item.size_bytes;
        Ok(())
    }

    fn remove_record(&mut self, path: &Path) -> Result<(), StoreError> {
        self.done.records += u64::from(remove_file(path)?);
        Ok(())
    }

    /// Moves a tree away before it is taken apart, so that nobody ever sees half of it.
    fn remove_tree(&self, path: &Path) -> Result<(), StoreError> {
        let away = self.store.root().join("tmp").join(random_name());
        match std::fs::rename(path, &away) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            moved => moved.at("move away", path)?,
        }
        // What cannot be removed is a leftover now.
        let _ = remove_tree(&away);
        Ok(())
    }
}

fn layer_item(store: &Store, digest: Digest) -> Item {
    let blob = store.blob_path(&digest);
    let derived = store.root().join("layers").join(digest.hex());
    Item {
        used_ms: modified_ms(&blob).max(modified_ms(&derived)),
        size_bytes: measure(&blob) + measure(&derived),
        digest: Some(digest),
        trees: vec![derived],
        ..Item::default()
    }
}

fn tree_item(path: PathBuf) -> Item {
    Item { used_ms: modified_ms(&path), size_bytes: measure(&path), trees: vec![path], ..Item::default() }
}

/// When it was marked as used; 0 if it is not there.
fn modified_ms(path: &Path) -> u64 {
    path.symlink_metadata().and_then(|metadata| metadata.modified()).map_or(0, millis)
}

/// The part of a container's `config.json` that matters here.
#[derive(Deserialize)]
struct ContainerLayers {
    #[serde(default)]
    layers: Vec<DiffId>,
}

/// The layers of all containers: they may be running, though none has the store open.
fn container_layers(root: &Path) -> Result<BTreeSet<Digest>, StoreError> {
    let dir = root.join("containers");
    let mut layers = BTreeSet::new();
    for id in names_in(&dir)? {
        let path = dir.join(id).join("config.json");
        let bytes = match read_if_present(&path) {
            Ok(bytes) => bytes.unwrap_or_default(),
            // Not a directory.
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => continue,
            Err(error) => return Err(error).at("read", &path),
        };
        if let Ok(config) = serde_json::from_slice::<ContainerLayers>(&bytes) {
            layers.extend(config.layers.iter().map(|layer| layer.0));
        }
    }
    Ok(layers)
}
