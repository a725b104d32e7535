//! The representation of each layer that an overlay uses: its tree on disk, or the layer mounted in place.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache::ScratchDir;
use oci::DiffId;

use super::Layers;
use super::in_place::MountedLayer;
use super::tree::{LayerTree, TreeStamp};
use crate::RootfsError;
use crate::error::failed;
use crate::layer::extract::extract;
use crate::overlay::{Lower, MAX_LOWERS};
use crate::times::Clamp;
use trees::create::Skipped;

/// Representation of a layer that can be a lower layer of an overlay.
#[derive(Debug, Clone)]
pub(crate) enum LowerLayer {
    /// Directory: unpacked, or left by a step.
    Tree(LayerTree, TreeStamp),
    /// Tar that is mounted in place.
    Mounted(MountedLayer),
    /// Directories that layers only imply, with the metadata that lower layers give them ([`super::implied`]).
    Implied(Arc<ScratchDir>),
}

impl LowerLayer {
    /// Returns the lower layer for overlayfs.
    pub(crate) fn lower(&self) -> Lower {
        match self {
            Self::Tree(tree, _) => Lower::Directory(tree.path()),
            Self::Mounted(mounted) => mounted.lower(),
            Self::Implied(scratch) => Lower::Scratch(Arc::clone(scratch)),
        }
    }

    /// Reports whether the layer describes the root directory. If not, lower layers do.
    pub(crate) fn has_root(&self) -> bool {
        match self {
            Self::Tree(_, stamp) => stamp.has_root,
            Self::Mounted(mounted) => mounted.has_root,
            Self::Implied(_) => true,
        }
    }

    /// Reports whether the layer has something that its tree lacks.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.tree().is_some_and(|(_, stamp)| stamp.skipped.count > 0)
    }

    fn tree(&self) -> Option<(&LayerTree, &TreeStamp)> {
        match self {
            Self::Tree(tree, stamp) => Some((tree, stamp)),
            Self::Mounted(_) | Self::Implied(_) => None,
        }
    }
}

impl Layers {
    /// Returns the lower layers of an overlay of `layers`, from the base up. Representations that are missing are
    /// made.
    ///
    /// Overlayfs refuses a lower layer that is given twice. Only the topmost of several equal layers is used: the
    /// others show nothing that this one does not.
    pub(crate) fn lower_layers(&self, layers: &[DiffId]) -> Result<Vec<LowerLayer>, RootfsError> {
        let layers = self.above_opaque_root(layers)?;
        let mut seen = HashSet::new();
        let mut distinct: Vec<&DiffId> = layers.iter().rev().filter(|layer| seen.insert(**layer)).collect();
        distinct.reverse();
        let implied = self.implied_directories(layers)?;
        // More layers become an overlay on an overlay, which some kernels refuse on top of yet another file system.
        let in_place = distinct.len() + usize::from(implied.is_some()) <= MAX_LOWERS;
        let lower_layer = |layer| self.lower_layer(layer, in_place);
        let mut lower_layers = distinct.into_iter().map(lower_layer).collect::<Result<Vec<_>, _>>()?;
        lower_layers.extend(implied.map(LowerLayer::Implied));
        LayerTree::sync_if_old(self.store(), lower_layers.iter().filter_map(LowerLayer::tree).collect());
        Ok(lower_layers)
    }

    /// Returns the layers from the topmost one on whose root is opaque. Overlayfs ignores the mark of a root, and would show
    /// what is below.
    fn above_opaque_root<'a>(&self, layers: &'a [DiffId]) -> Result<&'a [DiffId], RootfsError> {
        for (number, layer) in layers.iter().enumerate().rev() {
            let index = self.index(layer)?;
            let root = index.root().map_err(failed("read the index of a layer for", self.store().root()))?;
            if root.hides_lower() {
                return Ok(&layers[number..]);
            }
        }
        Ok(layers)
    }

    /// Prefers an existing tree, because reading it involves one file system less. Otherwise the layer is mounted in
    /// place, because making a tree is slow. It is unpacked only if mounting is impossible.
    fn lower_layer(&self, layer: &DiffId, in_place: bool) -> Result<LowerLayer, RootfsError> {
        let finished = self.files.finished(layer);
        let tree = self.layer_tree(layer, finished)?;
        if let Some(stamp) = tree.stamp() {
            return Ok(LowerLayer::Tree(tree, stamp));
        }
        // Mounting reports no error, so damage of the tar is reported here.
        self.files.open_tar(layer)?;
        match in_place.then(|| self.mounted.get(&self.files, layer, finished)).flatten() {
            Some(mounted) => Ok(LowerLayer::Mounted(mounted)),
            None => self.unpacked(layer, finished).map(|(tree, stamp)| LowerLayer::Tree(tree, stamp)),
        }
    }

    fn layer_tree(&self, layer: &DiffId, finished: Option<Clamp>) -> Result<LayerTree, RootfsError> {
        match finished {
            Some(_) => LayerTree::finished(self.store(), layer),
            None => LayerTree::new(self.store(), layer),
        }
    }

    /// Returns the directory that is the layer's tree, and unpacks the layer if it has none.
    pub fn tree(&self, layer: &DiffId) -> Result<PathBuf, RootfsError> {
        Ok(self.unpacked(layer, None)?.0.path())
    }

    /// Returns the entries that could not be made in the layer's tree, such as devices in a user namespace. Unpacks
    /// the layer if it has no tree.
    pub fn skipped(&self, layer: &DiffId) -> Result<Skipped, RootfsError> {
        Ok(self.unpacked(layer, None)?.1.skipped)
    }

    fn unpacked(
        &self,
        layer: &DiffId,
        finished: Option<Clamp>,
    ) -> Result<(LayerTree, TreeStamp), RootfsError> {
        let tree = self.layer_tree(layer, finished)?;
        let stamp = tree.ensure(|dest, flavor| {
            let index = match finished {
                Some(clamp) => Arc::new(self.files.finished_index(layer, clamp)?),
                None => self.index(layer)?,
            };
            let tar = Arc::new(self.files.open_tar(layer)?);
            let skipped = extract(&index, &tar, dest, flavor)?;
            let root = index.root().map_err(failed("read the index of the layer for", dest))?;
            Ok((!root.is_implied(), skipped))
        })?;
        Ok((tree, stamp))
    }

    /// Makes the directory `fresh` the tree of `layer`, unless the layer has one. `aside` takes a tree that is no
    /// longer trusted. `skipped` is what the tree lacks.
    pub(crate) fn adopt_tree(
        &self,
        layer: &DiffId,
        fresh: &Path,
        aside: &Path,
        skipped: Skipped,
    ) -> Result<(), RootfsError> {
        LayerTree::new(self.store(), layer)?.adopt(fresh, aside, skipped).map(drop)
    }
}
