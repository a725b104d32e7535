//! Comparing the trees on disk with the indexes of their layers.

use std::io;

use oci::DiffId;
use rustix::fs::{Mode, OFlags};

use super::Layers;
use super::tree::LayerTree;
use crate::RootfsError;
use crate::error::failed;
use crate::index::Item;
use trees::dir_tree::DirTree;
use trees::path::to_path;
use trees::safe_path::DIRECTORY;
use trees::tree::Tree;

impl Layers {
    /// Reads all trees to their ends; returns the layers whose tree is not what the layer says.
    pub fn altered_trees(&self) -> Result<Vec<DiffId>, RootfsError> {
        let mut altered = self.store().derived_layers()?;
        let mut result = Ok(());
        altered.retain(|layer| {
            let is_altered = self.trees(layer).and_then(|trees| {
                trees.iter().try_fold(false, |altered, tree| Ok(altered || self.is_altered(layer, tree)?))
            });
            is_altered.unwrap_or_else(|error| {
                result = Err(error);
                false
            })
        });
        result.map(|()| altered)
    }

    /// Ends the trust in the trees of a layer, so that they are made again from the tar.
    pub fn distrust_trees(&self, layer: &DiffId) -> Result<(), RootfsError> {
        for tree in self.trees(layer)? {
            self.store().remove_derived(layer, &tree.stamp_name())?;
        }
        Ok(())
    }

    /// Returns the two trees that a layer can have: with real times, and with the times of its tar.
    fn trees(&self, layer: &DiffId) -> Result<[LayerTree; 2], RootfsError> {
        Ok([LayerTree::new(self.store(), layer)?, LayerTree::finished(self.store(), layer)?])
    }

    /// Reports whether the files of a tree differ from the index of the layer. Times are not compared.
    fn is_altered(&self, layer: &DiffId, tree: &LayerTree) -> Result<bool, RootfsError> {
        let Some(stamp) = tree.stamp() else { return Ok(false) };
        let root = rustix::fs::open(tree.path(), DIRECTORY | OFlags::RDONLY, Mode::empty());
        let dir = DirTree::new(root.map_err(failed("open", tree.path()))?);
        let is_whole = stamp.skipped.count == 0;
        let index = self.index(layer)?;
        let mut items = index.items().map_err(failed("read the index of the layer for", tree.path()))?;
        items
            .try_fold(false, |altered, item| Ok::<_, io::Error>(altered || !is_same(&item, &dir, is_whole)?))
            .map_err(failed("read", tree.path()))
    }
}

/// Compares an entry with a tree; `is_whole`: the tree has all that the layer says.
fn is_same(item: &Item<'_>, dir: &DirTree, is_whole: bool) -> io::Result<bool> {
    let path = to_path(item.path());
    let Some(found) = dir.lookup(path)? else { return Ok(!is_whole) };
    let expected = item.entry().into_tree_entry();
    let has_metadata = item.is_implied()
        || item.is_whiteout()
        || item.path().is_empty()
        || !is_whole
        || (found.mode, found.uid, found.gid) == (expected.mode, expected.uid, expected.gid);
    let has_content = !item.is_file() || dir.content(path)? == item.content();
    let has_children = !item.is_dir() || !is_whole || dir.children(path)?.len() == item.children()?.len();
    Ok(found.kind == expected.kind && has_metadata && has_content && has_children)
}
