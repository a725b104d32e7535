//! Layers on top of each other, seen as one tree.

/// The merged view of a stack of layers; made by [`crate::layers::Layers::view`]. Reads contents from whichever face
/// a layer has (tar or tree); loads a layer's index when first needed.
pub struct Stack {}
