//! Layers on top of each other, seen as one tree.
//!
//! The merged tree is never built. Each lookup asks the indexes of the layers from the top down, one search in each,
//! until a layer has the path or hides everything below it. An index is opened at the first lookup that reaches it
//! and read on demand; a tar is opened when the first of its files is.
//!
//! A directory that a layer does not describe, and that is only on the way to one of its entries, has the metadata of
//! the next lower layer that has it as a directory. If that layer has something else there, it is a new directory.
//! Unpacking each layer by itself and merging them with overlayfs gives the same result.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use cache::{ContentDigest, WholeFile};
use oci::DiffId;

use super::files::LayerFiles;
use crate::RootfsError;
use crate::index::{Index, Item};
use crate::layer::stored;
use trees::entry::Entry;
use trees::path::{join, to_bytes, to_path};
use trees::sparse::SparseRead;
use trees::tree::{Child, Tree};

/// Merged view of a stack of layers. Reads contents from the tar of a layer, or from its tree if the tar is missing.
pub(super) struct Stack {
    files: LayerFiles,
    /// Layers from the top down.
    layers: Vec<StackLayer>,
}

struct StackLayer {
    id: DiffId,
    index: OnceLock<Arc<Index>>,
    /// The reason in place of a tar that cannot be opened: it is missing or damaged.
    tar: OnceLock<Result<Arc<File>, String>>,
}

/// Entry that a stack shows at a path.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// Number of the layer that has it, counted from the top.
    pub layer: usize,
    /// Entry in the index of that layer.
    pub item: Item<'a>,
    /// Entry with its metadata: for an implied directory that of a lower layer.
    metadata: Item<'a>,
}

/// Function that takes a path of the merged tree and the entry there.
pub(super) type Visit<'a> = dyn FnMut(&[u8], &Found<'_>) -> io::Result<()> + 'a;

impl Found<'_> {
    /// Returns the metadata as a tree shows it.
    pub(super) fn entry(&self) -> Entry {
        self.metadata.entry().into_tree_entry()
    }
}

impl Stack {
    /// Returns the stack of `layers`, from the base up.
    pub(super) fn new(files: LayerFiles, layers: &[DiffId]) -> Self {
        let layer = |id: &DiffId| StackLayer { id: *id, index: OnceLock::new(), tar: OnceLock::new() };
        Self { files, layers: layers.iter().rev().map(layer).collect() }
    }

    /// Returns the stack of `layers`, from the base up, in which those of the lowest `count` that belong to finished images
    /// have the times and the bytes of their tars.
    pub(super) fn finished(files: LayerFiles, layers: &[DiffId], count: usize) -> Result<Self, RootfsError> {
        let stack = Self::new(files, layers);
        for layer in stack.layers.iter().rev().take(count) {
            if let Some(clamp) = stack.files.finished(&layer.id) {
                let index = stack.files.finished_index(&layer.id, clamp)?;
                layer.index.get_or_init(|| Arc::new(index));
            }
        }
        Ok(stack)
    }

    /// Returns the index of the layer with this number, counted from the top.
    pub(super) fn index(&self, layer: usize) -> io::Result<&Index> {
        let layer = &self.layers[layer];
        if let Some(index) = layer.index.get() {
            return Ok(index);
        }
        let index = self.files.index(&layer.id).map_err(io::Error::other)?;
        Ok(layer.index.get_or_init(|| index))
    }

    /// Returns the entry at `path`, if there is one.
    fn find(&self, path: &[u8]) -> io::Result<Option<Found<'_>>> {
        self.find_from(0, path)
    }

    /// Returns the metadata of the directory `path` if the topmost layer that has it implies it, and a lower one
    /// describes it.
    pub(super) fn implied_entry(&self, path: &[u8]) -> io::Result<Option<Entry>> {
        let found = self.find(path)?;
        let is_inherited = |found: &Found<'_>| found.item.is_implied() && !found.metadata.is_implied();
        Ok(found.filter(is_inherited).map(|found| found.entry()))
    }

    /// Returns the entry at `path` in the stack that begins with the layer `first`.
    fn find_from(&self, first: usize, path: &[u8]) -> io::Result<Option<Found<'_>>> {
        let mut implied: Option<(usize, Item<'_>)> = None;
        for layer in first..self.layers.len() {
            let nearest = self.index(layer)?.nearest(path)?;
            match (nearest.exact(), implied) {
                (Some(item), None) if item.is_whiteout() => return Ok(None),
                (Some(item), None) if !item.is_implied() => {
                    return Ok(Some(Found { layer, item, metadata: item }));
                }
                (Some(item), None) => implied = Some((layer, item)),
                (Some(lower), Some((layer, item))) if lower.is_dir() && !lower.is_implied() => {
                    return Ok(Some(Found { layer, item, metadata: lower }));
                }
                _ => {}
            }
            // A marker hides the content of a directory, but not its metadata.
            let is_marked = |item: &Item<'_>| item.is_implied() && item.is_opaque();
            let is_kept = match nearest.exact().filter(is_marked) {
                Some(item) => !item.parent()?.hides_lower(),
                None => false,
            };
            if nearest.hides_lower() && !is_kept {
                break;
            }
        }
        Ok(implied.map(|(layer, item)| Found { layer, item, metadata: item }))
    }

    /// Returns the entries directly below the directory `path`, by name.
    fn find_children(&self, path: &[u8]) -> io::Result<BTreeMap<&[u8], Found<'_>>> {
        let mut shown = BTreeMap::new();
        for (name, found) in self.topmost_children(path)? {
            match found {
                Some(found) if found.item.is_implied() => {
                    // A lower layer can have the metadata of the directory.
                    shown.insert(name, self.find_from(found.layer, found.item.path())?.unwrap_or(found));
                }
                Some(found) => drop(shown.insert(name, found)),
                None => {}
            }
        }
        Ok(shown)
    }

    /// Returns for each name below `path` the entry of the topmost layer that has the name; `None` for a whiteout.
    fn topmost_children(&self, path: &[u8]) -> io::Result<BTreeMap<&[u8], Option<Found<'_>>>> {
        let mut children = BTreeMap::new();
        for layer in 0..self.layers.len() {
            let nearest = self.index(layer)?.nearest(path)?;
            if let Some(directory) = nearest.exact() {
                for item in directory.children()? {
                    let found = Found { layer, item, metadata: item };
                    children.entry(item.name()).or_insert((!item.is_whiteout()).then_some(found));
                }
            }
            if nearest.hides_lower() {
                break;
            }
        }
        Ok(children)
    }

    fn find_file(&self, path: &Path) -> io::Result<Found<'_>> {
        match self.find(to_bytes(path))? {
            Some(found) if found.item.is_file() => Ok(found),
            Some(_) => Err(io::ErrorKind::InvalidInput.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Calls `visit` for each path of the merged tree except the root, parents first, in the order of [`compare`].
    ///
    /// [`compare`]: trees::path::compare
    pub(super) fn walk(&self, visit: &mut Visit<'_>) -> io::Result<()> {
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
        Ok(self.open_sparse(path)?)
    }

    fn open_sparse(&self, path: &Path) -> io::Result<Box<dyn SparseRead>> {
        let found = self.find_file(path)?;
        let layer = &self.layers[found.layer];
        let open_tar = || self.files.open_tar(&layer.id).map(Arc::new).map_err(|error| error.to_string());
        let tar = layer.tar.get_or_init(open_tar);
        match tar {
            Ok(tar) => Ok(stored::open(&found.item, tar)),
            Err(reason) => {
                let file = self.files.open_in_tree(&layer.id, to_path(found.item.path()));
                // A layer without a tree has no file, because its tar cannot be read.
                let file = file.map_err(|_| io::Error::other(reason.clone()))?;
                Ok(Box::new(WholeFile::new(file, found.item.size_bytes())))
            }
        }
    }

    fn content(&self, path: &Path) -> io::Result<ContentDigest> {
        Ok(self.find_file(path)?.item.content())
    }

    fn link_group(&self, path: &Path) -> io::Result<Option<u64>> {
        let found = self.find_file(path)?;
        let group = |first: usize| (found.layer as u64) << 32 | first as u64;
        Ok(found.item.first_name_row().map(group))
    }
}
