//! Layers on top of each other, seen as one tree.
//!
//! No tree is made: each look-up asks the layers' indexes from the top down, each by one binary search, until one has the
//! path or hides what is below it. An index is opened when first asked, and read as far as it is asked; a tar is opened
//! when the first of its files is.
//!
//! A directory of which a layer says nothing, and which is only on the way to one of its entries, has the metadata of the
//! next layer that knows it; over something that is no directory it is a new one, as when each layer is unpacked for
//! itself and overlayfs merges them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use cache::Key;
use oci::DiffId;

use crate::entry::{Entry, Kind};
use crate::index::{Index, Item};
use crate::layer::stored;
use crate::layers::Layers;
use crate::path::{join, to_bytes, to_path};
use crate::tree::{Child, Tree};

/// The merged view of a stack of layers; made by [`crate::layers::Layers::view`]. Reads contents from whichever face
/// a layer has (tar or tree); opens a layer's index when first needed.
pub struct Stack {
    layers: Layers,
    /// From the top down.
    slots: Vec<Slot>,
}

struct Slot {
    layer: DiffId,
    index: OnceLock<Arc<Index>>,
    tar: OnceLock<Option<Arc<File>>>,
}

/// What a path is in a stack.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    /// Which layer has it, from the top.
    pub slot: usize,
    /// It, there.
    pub item: Item<'a>,
    /// The item that has its metadata: a lower layer's for an implied directory.
    metadata: Item<'a>,
}

/// Takes a path of a stack and what it is.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &Found<'_>) -> io::Result<()> + 'a;

impl Found<'_> {
    /// As trees show it.
    pub(crate) fn entry(&self) -> Entry {
        let mut entry = self.metadata.entry();
        if let Kind::Directory { opaque } = &mut entry.kind {
            *opaque = false;
        }
        entry
    }
}

impl Stack {
    /// The stack of `layers`, from the base up.
    pub(crate) fn new(layers: Layers, stack: &[DiffId]) -> Self {
        let slot = |layer: &DiffId| Slot { layer: *layer, index: OnceLock::new(), tar: OnceLock::new() };
        Self { layers, slots: stack.iter().rev().map(slot).collect() }
    }

    /// The index of a layer.
    pub(crate) fn index(&self, slot: usize) -> io::Result<&Index> {
        let slot = &self.slots[slot];
        if let Some(index) = slot.index.get() {
            return Ok(index);
        }
        let index = self.layers.index(&slot.layer).map_err(io::Error::other)?;
        Ok(slot.index.get_or_init(|| index))
    }

    /// What `path` is.
    pub(crate) fn find(&self, path: &[u8]) -> io::Result<Option<Found<'_>>> {
        self.find_from(0, path)
    }

    /// What `path` is where only the layers from `first` down count.
    fn find_from(&self, first: usize, path: &[u8]) -> io::Result<Option<Found<'_>>> {
        let mut implied: Option<(usize, Item<'_>)> = None;
        for number in first..self.slots.len() {
            let nearest = self.index(number)?.nearest(path)?;
            match (nearest.exact(), implied) {
                (Some(item), None) if item.is_whiteout() => return Ok(None),
                (Some(item), None) if !item.is_implied() => {
                    return Ok(Some(Found { slot: number, item, metadata: item }));
                }
                (Some(item), None) => implied = Some((number, item)),
                (Some(item), Some((slot, there))) if item.is_dir() && !item.is_implied() => {
                    return Ok(Some(Found { slot, item: there, metadata: item }));
                }
                _ => {}
            }
            if nearest.hides_lower() {
                break;
            }
        }
        Ok(implied.map(|(slot, item)| Found { slot, item, metadata: item }))
    }

    /// What is directly below the directory `path`, by name.
    pub(crate) fn find_children(&self, path: &[u8]) -> io::Result<BTreeMap<&[u8], Found<'_>>> {
        let mut children: BTreeMap<&[u8], Option<Found<'_>>> = BTreeMap::new();
        for slot in 0..self.slots.len() {
            let nearest = self.index(slot)?.nearest(path)?;
            if let Some(directory) = nearest.exact() {
                for item in directory.children()? {
                    let found = Found { slot, item, metadata: item };
                    children.entry(item.name()).or_insert((!item.is_whiteout()).then_some(found));
                }
            }
            if nearest.hides_lower() {
                break;
            }
        }
        let mut shown = BTreeMap::new();
        for (name, found) in children {
            match found {
                Some(found) if found.item.is_implied() => {
                    // A lower layer may know more of it.
                    shown.insert(name, self.find_from(found.slot, found.item.path())?.unwrap_or(found));
                }
                Some(found) => drop(shown.insert(name, found)),
                None => {}
            }
        }
        Ok(shown)
    }

    fn file(&self, path: &Path) -> io::Result<Found<'_>> {
        match self.find(to_bytes(path))? {
            Some(found) if found.item.is_file() => Ok(found),
            Some(_) => Err(io::ErrorKind::InvalidInput.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Opens the regular file that was found.
    pub(crate) fn open_found(&self, found: &Found<'_>) -> io::Result<Box<dyn Read + Send>> {
        let slot = &self.slots[found.slot];
        let tar = slot.tar.get_or_init(|| self.layers.open_tar(&slot.layer).ok().map(Arc::new));
        match tar {
            Some(tar) => Ok(stored::open(&found.item, tar)),
            None => Ok(Box::new(self.layers.open_in_tree(&slot.layer, to_path(found.item.path()))?)),
        }
    }

    /// Calls `visit` for each path of the merged tree but the root: parents first, in the order of [`compare`].
    ///
    /// [`compare`]: crate::path::compare
    pub(crate) fn walk(&self, visit: &mut Visit<'_>) -> io::Result<()> {
        let mut pending: Vec<(Vec<u8>, Found<'_>)> = Vec::new();
        let mut next = Some((Vec::new(), true));
        while let Some((path, is_dir)) = next.take() {
            if is_dir {
                let children = self.find_children(&path)?;
                pending.extend(children.into_iter().rev().map(|(name, found)| (join(&path, name), found)));
            }
            if let Some((path, found)) = pending.pop() {
                visit(&path, &found)?;
                next = Some((path, found.item.is_dir()));
            }
        }
        Ok(())
    }
}

impl Tree for Stack {
    fn lookup(&self, path: &Path) -> io::Result<Option<Entry>> {
        let found = self.find(to_bytes(path))?;
        Ok(found
            .map(|found| found.entry())
            .or_else(|| path.as_os_str().is_empty().then(|| Entry::directory(0o755))))
    }

    fn children(&self, path: &Path) -> io::Result<Vec<Child>> {
        match self.lookup(path)? {
            None => return Err(io::ErrorKind::NotFound.into()),
            Some(entry) if !entry.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
            Some(_) => {}
        }
        let children = self.find_children(to_bytes(path))?;
        let child = |(name, found): (&[u8], Found<'_>)| Child {
            name: OsStr::from_bytes(name).to_owned(),
            entry: found.entry(),
            content: found.item.is_file().then(|| found.item.content()),
        };
        Ok(children.into_iter().map(child).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.open_found(&self.file(path)?)
    }

    fn content(&self, path: &Path) -> io::Result<Key> {
        Ok(self.file(path)?.item.content())
    }

    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        let found = self.file(path)?;
        let number = |first: usize| (found.slot as u64) << 32 | first as u64;
        Ok(found.item.first_name_row().map(number))
    }
}
