//! The layers of a store: from tar, from a diff, from a snapshot; and what is derived from them.
//!
//! ```text
//! <store>/blobs/sha256/<diff id>     the tar: the truth
//! <store>/layers/<diff id>/index     what is in it, and the real times
//!                          erofs     how to mount the tar in place, for overlayfs
//!                          tree/     unpacked, for overlayfs where that cannot be; or left by a step
//!                          times-*   the layer with other times: a diff ID
//! ```
//!
//! Concurrency: indexes are opened once a process and shared. Files of a layer's directory are written by another name and
//! renamed; processes that race write the same.

pub(crate) mod erofs_image;
pub(crate) mod in_place;
mod stack;
pub(crate) mod tree;
mod write_dir;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cache::Store;
use oci::DiffId;
use rustix::fs::{Mode, OFlags, ResolveFlags};

use self::in_place::MountedLayers;
use self::stack::Stack;
use self::tree::{Home, Stamp};
use crate::RootfsError;
use crate::content::Content;
use crate::create::Skipped;
use crate::diff::Diff;
use crate::entry::{Entry, Kind, Timestamp};
use crate::error::failed;
use crate::index::{Index, Item, Origin};
use crate::layer::extract::extract;
use crate::layer::import;
use crate::layer::write::{self, NewEntry};
use crate::overlay::MAX_LOWERS;
use crate::path;
use crate::snapshot::Snapshot;
use crate::snapshot::lowers::Ground;
use crate::tree::{Scratch, Tree};

pub use crate::times::{Clamp, Times};

/// How much of a file is written at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// How the names of files begin that say what a layer becomes with other times.
const MEMO_PREFIX: &str = "times-";

/// The layers of a store. A layer's truth is its tar, the blob named by its diff ID; all else is derived from it and
/// may be dropped (the index also remembers the real times that the tar does not).
#[derive(Clone)]
pub struct Layers {
    store: Arc<Store>,
    indexes: Arc<Mutex<HashMap<DiffId, Arc<Index>>>>,
    mounted: Arc<MountedLayers>,
}

impl Layers {
    /// The layers of `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, indexes: Arc::default(), mounted: Arc::default() }
    }

    /// The same, with layers mounted this way and no other.
    #[cfg(test)]
    pub(crate) fn mounting(store: Arc<Store>, way: self::in_place::Way) -> Self {
        Self { mounted: Arc::new(MountedLayers::with(way)), ..Self::new(store) }
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Takes an uncompressed layer tar as it is (a pulled layer): stores it, verifies `expected`, makes the index.
    pub fn import(&self, tar: &mut dyn Read, expected: Option<DiffId>) -> Result<DiffId, RootfsError> {
        let (layer, index) = import::import(&self.store, tar, expected)?;
        // What we made ourselves comes back with an image: the index that knows the real times stays.
        match Index::load_whole(&index_path(&self.store, &layer)?) {
            Some(known) => self.remember(&layer, known),
            None => self.save_index(&layer, index)?,
        };
        Ok(layer)
    }

    /// True if the layer's tar is here.
    pub fn contains(&self, layer: &DiffId) -> Result<bool, RootfsError> {
        Ok(self.store.stat_blob(&layer.0)?.is_some())
    }

    /// The merged view of `layers`, from the base up; [`crate::tree::Scratch`] for none.
    pub fn view(&self, layers: &[DiffId]) -> Result<Arc<dyn Tree>, RootfsError> {
        Ok(match layers {
            [] => Arc::new(Scratch),
            layers => Arc::new(Stack::new(self.clone(), layers)),
        })
    }

    /// Writes a diff as a layer.
    pub fn commit(&self, diff: Diff) -> Result<DiffId, RootfsError> {
        self.commit_entries(diff.into_entries())
    }

    /// Writes a layer: entries in order ([`write::write`]).
    pub(crate) fn commit_entries(&self, entries: Vec<NewEntry>) -> Result<DiffId, RootfsError> {
        let (layer, index) = write::write(&self.store, entries)?;
        // The same layer was made before: its tree, if there is one, has the times of that index.
        match Index::load_whole(&index_path(&self.store, &layer)?) {
            Some(known) if known.origin() == Origin::Made => self.remember(&layer, known),
            Some(_) => {
                self.forget_rewritten(&layer)?;
                self.save_index(&layer, index)?
            }
            None => self.save_index(&layer, index)?,
        };
        Ok(layer)
    }

    /// A writable snapshot on top of `layers`.
    pub fn prepare(&self, layers: &[DiffId]) -> Result<Snapshot, RootfsError> {
        Snapshot::new(self.clone(), &self.grounds(layers)?)
    }

    /// What an overlay of `layers` stands on, made where it is missing. Of a layer that is there more than once, which
    /// overlayfs does not take, all but the topmost are left out: they show nothing that this one does not.
    pub(crate) fn grounds(&self, layers: &[DiffId]) -> Result<Vec<Ground>, RootfsError> {
        let mut seen = HashSet::new();
        let mut distinct: Vec<&DiffId> = layers.iter().rev().filter(|layer| seen.insert(**layer)).collect();
        distinct.reverse();
        // More become an overlay on an overlay, which some kernels refuse on top of yet another file system.
        let in_place = distinct.len() <= MAX_LOWERS;
        let ground = |layer| self.ground(layer, in_place);
        let grounds = distinct.into_iter().map(ground).collect::<Result<Vec<_>, _>>()?;
        Home::settle(&self.store, grounds.iter().filter_map(Ground::tree).collect());
        Ok(grounds)
    }

    /// A tree that is there is best: reading it asks one file system less. To make one is slow.
    fn ground(&self, layer: &DiffId, in_place: bool) -> Result<Ground, RootfsError> {
        let home = Home::new(&self.store, layer)?;
        if let Some(stamp) = home.stamp() {
            return Ok(Ground::Tree(home, stamp));
        }
        match in_place.then(|| self.mounted.get(self, layer)).flatten() {
            Some(mounted) => Ok(Ground::Mounted(mounted)),
            None => self.home(layer).map(|(home, stamp)| Ground::Tree(home, stamp)),
        }
    }

    /// The directory that is the layer's tree, unpacked if there is none.
    pub fn tree(&self, layer: &DiffId) -> Result<PathBuf, RootfsError> {
        Ok(self.home(layer)?.0.tree())
    }

    /// What could not be made of the layer's tree here: devices and owners in a user namespace.
    pub fn skipped(&self, layer: &DiffId) -> Result<Skipped, RootfsError> {
        Ok(self.home(layer)?.1.skipped)
    }

    /// The place of a layer whose tree is made.
    fn home(&self, layer: &DiffId) -> Result<(Home, Stamp), RootfsError> {
        let home = Home::new(&self.store, layer)?;
        let stamp = home.ensure(&self.store, |dest, flavor| {
            let index = self.index(layer)?;
            let tar = Arc::new(self.store.open_blob(&layer.0)?);
            let skipped = extract(&index, &tar, dest, flavor)?;
            let root = index.root().map_err(failed("read the index of the layer for", dest))?;
            Ok((!root.is_implied(), skipped))
        })?;
        Ok((home, stamp))
    }

    /// The layer with other times, as a blob of the store: itself for [`Times::Store`]; remembered, so that it is
    /// written once. For layers made by this store only: base layers are never rewritten.
    pub fn rewrite(&self, layer: &DiffId, times: Times) -> Result<DiffId, RootfsError> {
        if times.clamp() == Clamp::STORE {
            return Ok(*layer);
        }
        let memo = self.store.layer_dir(layer)?.join(match times {
            Times::Clamped(Clamp(seconds)) => format!("{MEMO_PREFIX}{seconds}"),
            _ => format!("{MEMO_PREFIX}real"),
        });
        // No index is opened for what is known.
        let known = fs::read_to_string(&memo).ok().and_then(|text| text.trim().parse().ok());
        if let Some(known) = known.filter(|known| self.contains(known).unwrap_or(false)) {
            return Ok(known);
        }
        let index = self.index(layer)?;
        let rewritten = match index.origin() {
            Origin::Imported => *layer,
            Origin::Made => self.commit_entries(self.layer_entries(layer, &index, times)?)?,
        };
        save(&memo, format!("{rewritten}\n").as_bytes()).map_err(failed("write", &memo))?;
        Ok(rewritten)
    }

    /// Forgets what a layer becomes with other times: it is ours now, and no longer as somebody else made it.
    fn forget_rewritten(&self, layer: &DiffId) -> Result<(), RootfsError> {
        let dir = self.store.layer_dir(layer)?;
        let failed = failed("clean", &dir);
        let remove = || -> io::Result<()> {
            for entry in fs::read_dir(&dir)? {
                let entry = entry?;
                if entry.file_name().as_encoded_bytes().starts_with(MEMO_PREFIX.as_bytes()) {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        remove().map_err(failed)
    }

    /// The entries of one layer, as it has them.
    fn layer_entries(
        &self,
        layer: &DiffId,
        index: &Index,
        times: Times,
    ) -> Result<Vec<NewEntry>, RootfsError> {
        let tree = self.view(&[*layer])?;
        let new_entry = |item: Item<'_>| {
            let entry = item.layer_entry()?;
            let content = has_content(&entry).then(|| Content::Tree {
                tree: tree.clone(),
                path: path::to_path(item.path()).to_owned(),
                digest: Some(item.content()),
            });
            Ok(NewEntry { path: item.path().to_vec(), entry, content, clamp: times.clamp() })
        };
        // An implied directory stays one, unless it hides what is below.
        let is_said = |item: &Item<'_>| !item.is_implied() || item.is_opaque();
        let entries = index.items().and_then(|items| items.filter(is_said).map(new_entry).collect());
        entries.map_err(failed("read the layers of", self.store.root()))
    }

    /// Writes the merged tree of `layers` as one tar (the tar exporter). Base layers keep their times.
    pub fn write_tar(&self, layers: &[DiffId], times: Times, out: &mut dyn Write) -> Result<(), RootfsError> {
        write::write_to(&self.merged_entries(layers, times)?, out)
    }

    /// Writes several merged trees as one tar, each below a folder of its own: a name without `/`.
    pub fn write_tar_of(
        &self,
        trees: &[(String, Vec<DiffId>)],
        times: Times,
        out: &mut dyn Write,
    ) -> Result<(), RootfsError> {
        let mut trees = trees.to_vec();
        trees.sort();
        let mut entries = Vec::new();
        for (folder, layers) in trees {
            entries.extend(below(&folder, self.merged_entries(&layers, times)?, times));
        }
        write::write_to(&entries, out)
    }

    /// Writes the merged tree of `layers` below the directory `dest` (the local exporter), never through a link.
    /// Everything belongs to the user who runs this, as with BuildKit.
    pub fn write_dir(&self, layers: &[DiffId], times: Times, dest: &Path) -> Result<(), RootfsError> {
        write_dir::write_dir(&self.merged_entries(layers, times)?, dest)
    }

    /// The merged tree of `layers`, in order, without the root.
    fn merged_entries(&self, layers: &[DiffId], times: Times) -> Result<Vec<NewEntry>, RootfsError> {
        let stack = Arc::new(Stack::new(self.clone(), layers));
        let tree: Arc<dyn Tree> = stack.clone();
        let mut first_names: HashMap<u64, PathBuf> = HashMap::new();
        let mut entries = Vec::new();
        let read_error = failed("read the layers of", self.store.root());
        let mut visit = |bytes: &[u8], found: &self::stack::Found<'_>| -> io::Result<()> {
            let path = path::to_path(bytes);
            let mut entry = found.entry();
            if let Some(group) = found.item.is_file().then(|| tree.link_group(path)).transpose()?.flatten() {
                match first_names.get(&group) {
                    Some(first) => entry.kind = Kind::Hardlink { target: first.clone() },
                    None => drop(first_names.insert(group, path.to_owned())),
                }
            }
            let content = has_content(&entry).then(|| Content::Tree {
                tree: tree.clone(),
                path: path.to_owned(),
                digest: Some(found.item.content()),
            });
            let clamp = match stack.index(found.slot)?.origin() {
                Origin::Made => times.clamp(),
                Origin::Imported => Clamp(i64::MAX),
            };
            entries.push(NewEntry { path: bytes.to_vec(), entry, content, clamp });
            Ok(())
        };
        stack.walk(&mut visit).map_err(read_error)?;
        Ok(entries)
    }

    /// The index of a layer: what is not whole of it is made anew from the tar, now or when it is found.
    pub(crate) fn index(&self, layer: &DiffId) -> Result<Arc<Index>, RootfsError> {
        if let Some(index) = self.known_indexes().get(layer) {
            return Ok(index.clone());
        }
        let index = match Index::load(&index_path(&self.store, layer)?) {
            Some(index) => {
                let (store, layer) = (Arc::clone(&self.store), *layer);
                index.with_rebuild(move || reindex(&store, &layer).map_err(io::Error::other))
            }
            None => reindex(&self.store, layer)?,
        };
        Ok(self.remember(layer, index))
    }

    fn save_index(&self, layer: &DiffId, index: Index) -> Result<Arc<Index>, RootfsError> {
        save_index(&self.store, layer, &index)?;
        Ok(self.remember(layer, index))
    }

    fn remember(&self, layer: &DiffId, index: Index) -> Arc<Index> {
        let index = Arc::new(index);
        self.known_indexes().insert(*layer, index.clone());
        index
    }

    fn known_indexes(&self) -> std::sync::MutexGuard<'_, HashMap<DiffId, Arc<Index>>> {
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the tar of a layer.
    pub(crate) fn open_tar(&self, layer: &DiffId) -> Result<File, RootfsError> {
        Ok(self.store.open_blob(&layer.0)?)
    }

    /// Opens a file of the layer's tree, where the tar is not there.
    pub(crate) fn open_in_tree(&self, layer: &DiffId, path: &Path) -> io::Result<File> {
        let tree = self.store.layer_dir(layer).map_err(io::Error::other)?.join("tree");
        let tree = rustix::fs::open(tree, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        Ok(File::from(rustix::fs::openat2(tree, path, flags, Mode::empty(), inside)?))
    }
}

/// Makes the index of a layer anew.
fn reindex(store: &Store, layer: &DiffId) -> Result<Index, RootfsError> {
    let index = import::reindex(store.open_blob(&layer.0)?, Origin::Imported)?;
    save_index(store, layer, &index)?;
    Ok(index)
}

fn save_index(store: &Store, layer: &DiffId, index: &Index) -> Result<(), RootfsError> {
    let path = index_path(store, layer)?;
    save_with(&path, |out| index.write(out)).map_err(failed("save the index of a layer as", &path))
}

fn index_path(store: &Store, layer: &DiffId) -> Result<PathBuf, RootfsError> {
    Ok(store.layer_dir(layer)?.join("index"))
}

/// True for a regular file of more than no bytes.
fn has_content(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::File { size_bytes } if size_bytes > 0)
}

/// Writes a file that can be made again, by way of another name in the same directory: not synced.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    save_with(path, |out| out.write_all(bytes))
}

/// The same for what is written piece by piece.
fn save_with(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{count}.tmp", std::process::id()));
    let fill = |file: File| {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        write(&mut out)?;
        out.flush()
    };
    let written = File::create(&temporary).and_then(fill).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The entries of a tree, put below a folder.
fn below(folder: &str, mut entries: Vec<NewEntry>, times: Times) -> Vec<NewEntry> {
    for entry in &mut entries {
        entry.path.splice(..0, folder.bytes().chain([b'/']));
        if let Kind::Hardlink { target } = &mut entry.entry.kind {
            *target = Path::new(folder).join(&target);
        }
    }
    let mtime = Timestamp { seconds: Clamp::STORE.0, ..Timestamp::default() };
    let root = Entry { mtime, ..Entry::directory(0o755) };
    entries.insert(0, NewEntry { path: folder.into(), entry: root, content: None, clamp: times.clamp() });
    entries
}
