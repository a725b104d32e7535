//! The result of a step.

use std::sync::Arc;

use cache::hash_identity;
use rootfs::RootfsError;
use rootfs::layers::Layers;
use trees::tree::Tree;

use crate::chain::Chain;

/// Result of a step: files, and how they came about.
#[derive(Clone)]
pub struct StepResult {
    /// Files that the step left.
    pub files: Files,
    /// Hash of what was done to get them, from the base on.
    pub recipe: Recipe,
}

hash_identity! {
    /// Hash of the operations of all steps up to this one, regardless of the files that they were applied to.
    ///
    /// BuildKit runs everything again that follows an edited RUN, even if the RUN leaves the same files. Recipes do the same.
    Recipe
}

/// Files that a step left.
#[derive(Clone)]
pub enum Files {
    /// A root file system as layers, from the base up.
    Layers(Chain),
    /// A tree to take files from, such as a build context or a download.
    Tree(Arc<dyn Tree>),
}

/// An input that cannot be used as its step needs it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The step needs a root file system, and the input is a tree.
    #[error("a build context cannot be used as a base image")]
    NoLayers,
    /// The layer store refused.
    #[error(transparent)]
    Rootfs(#[from] RootfsError),
}

impl Files {
    /// Returns the layers. Fails for a tree, on which nothing can be built.
    pub fn layers(&self) -> Result<&Chain, InputError> {
        match self {
            Self::Layers(layers) => Ok(layers),
            Self::Tree(_) => Err(InputError::NoLayers),
        }
    }

    /// Makes a tree work with copies of files that are being written; see [`Tree::settle`]. Returns false for layers, which
    /// never change.
    pub(crate) fn settle(&self) -> bool {
        match self {
            Self::Layers(_) => false,
            Self::Tree(tree) => tree.settle(),
        }
    }

    /// Returns the files as a tree. Those of an image have the times of its tars, as for everybody who pulls the image.
    pub fn tree(&self, layers: &Layers) -> Result<Arc<dyn Tree>, InputError> {
        match self {
            Self::Layers(stack) => Ok(layers.view_on_image(stack, stack.image_layers())?),
            Self::Tree(tree) => Ok(Arc::clone(tree)),
        }
    }
}
