//! Directories that a layer only implies: a layer with `tmp/t` and without `tmp/` keeps the mode and the owner that a
//! lower layer gives `tmp`.
//!
//! Each representation of a layer stands for itself, and overlayfs takes the metadata of a directory from the topmost
//! layer that has it. So an overlay gets one more lower layer on top of the others: a tree of just these directories,
//! with their metadata in the merged view. Few layers imply directories (Bazel and ko write such), and the index of a
//! layer says at once whether it does.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use cache::ScratchDir;
use oci::DiffId;
use rustix::fs::{Mode, OFlags};

use super::Layers;
use super::stack::Stack;
use crate::RootfsError;
use crate::error::failed;
use trees::create::{Creator, Location};
use trees::entry::Entry;
use trees::path::{ancestors, from_key, key, to_path};
use trees::safe_path::{DIRECTORY, open_beneath};
use trees::tree::Tree;
use trees::xattr::Flavor;

impl Layers {
    /// Makes the tree of the directories whose metadata comes from below the layer that implies them. Returns `None` if
    /// `layers` (from the base up) have no such directory.
    pub(super) fn implied_directories(
        &self,
        layers: &[DiffId],
    ) -> Result<Option<Arc<ScratchDir>>, RootfsError> {
        let stack = Stack::new(self.files.clone(), layers);
        let mut directories = BTreeMap::new();
        for layer in layers {
            let index = self.index(layer)?;
            if index.has_implied() {
                let items =
                    index.items().map_err(failed("read the index of a layer for", self.store().root()))?;
                for item in items.filter(|item| item.is_implied() && !item.path().is_empty()) {
                    let entry =
                        stack.implied_entry(item.path()).map_err(failed("look up", to_path(item.path())))?;
                    directories.extend(entry.map(|entry| (key(item.path()), entry)));
                }
            }
        }
        if directories.is_empty() {
            return Ok(None);
        }
        add_parents(&stack, &mut directories).map_err(failed("read the layers of", self.store().root()))?;
        let scratch = self.store().scratch()?;
        make(scratch.path(), &directories)?;
        Ok(Some(Arc::new(scratch)))
    }
}

/// Adds the parents of all `directories`, by key, up to the root.
fn add_parents(stack: &Stack, directories: &mut BTreeMap<Vec<u8>, Entry>) -> std::io::Result<()> {
    for path in directories.keys().map(|key| from_key(key)).collect::<Vec<_>>() {
        for above in ancestors(&path) {
            let entry = stack.lookup(to_path(above))?.unwrap_or_else(|| Entry::directory(0o755));
            directories.entry(key(above)).or_insert(entry);
        }
    }
    Ok(())
}

/// Makes the directories below the empty directory `dest`, which becomes the root among them.
fn make(dest: &Path, directories: &BTreeMap<Vec<u8>, Entry>) -> Result<(), RootfsError> {
    let open = rustix::fs::open(dest, DIRECTORY | OFlags::RDONLY, Mode::empty());
    let root = open.map_err(failed("open", dest))?;
    let creator = Creator::new(Flavor::current());
    creator.begin_root(&root, dest)?;
    let parent_of = |path: &Path| {
        let parent = path.parent().unwrap_or(Path::new(""));
        open_beneath(&root, parent, DIRECTORY | OFlags::RDONLY).map_err(failed("open", parent))
    };
    for key in directories.keys().filter(|key| !key.is_empty()) {
        let path = from_key(key);
        creator.begin_directory(Location::new(&parent_of(to_path(&path))?, to_path(&path)))?;
    }
    for (key, entry) in directories.iter().rev().filter(|(key, _)| !key.is_empty()) {
        let path = from_key(key);
        creator.finish_directory(Location::new(&parent_of(to_path(&path))?, to_path(&path)), entry)?;
    }
    let at = Location { dir: root.as_fd(), name: "".as_ref(), path: dest };
    Ok(creator.finish_directory(at, &directories[&b""[..]])?)
}
