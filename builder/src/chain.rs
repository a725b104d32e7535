//! A stack of layers with its chain ID.
//!
//! A chain ID is a hash over all layers. Computed from scratch for each step, it would cost a Dockerfile of n steps n²/2
//! hashes, more than everything else that a cached step does. A chain that grows by a layer derives its ID from the one below.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use oci::{ChainId, DiffId};

/// Layers from the base up. Clones share the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    layers: Arc<[DiffId]>,
    id: Option<ChainId>,
    image_layers: usize,
}

impl Chain {
    /// Returns the layers of an image that was finished before this build.
    pub fn of_image(layers: Vec<DiffId>) -> Self {
        Self { image_layers: layers.len(), ..Self::from(layers) }
    }

    /// Returns these layers and one more.
    #[must_use]
    pub fn with(&self, layer: DiffId) -> Self {
        let layers = self.layers.iter().copied().chain([layer]).collect();
        Self { layers, id: Some(ChainId::then(self.id, layer)), ..*self }
    }

    /// Returns how many of the lowest layers belong to an image that was finished before this build.
    pub fn image_layers(&self) -> usize {
        self.image_layers
    }
}

impl From<Vec<DiffId>> for Chain {
    fn from(layers: Vec<DiffId>) -> Self {
        let id = ChainId::of(&layers);
        Self { layers: layers.into(), id, image_layers: 0 }
    }
}

impl Deref for Chain {
    type Target = [DiffId];

    fn deref(&self) -> &[DiffId] {
        &self.layers
    }
}

/// The chain ID, or `scratch` if there is no layer.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => fmt::Display::fmt(id, f),
            None => f.write_str("scratch"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_grows_layer_by_layer_has_the_id_of_the_whole() {
        let layers: Vec<DiffId> = ["a", "b", "c"].map(|text| DiffId(oci::Digest::of(text.as_bytes()))).into();
        let grown = layers.iter().fold(Chain::default(), |chain, layer| chain.with(*layer));
        assert_eq!(grown, Chain::from(layers.clone()));
        assert_eq!(grown.to_string(), ChainId::of(&layers).expect("layers").to_string());
        assert_eq!((Chain::default().to_string().as_str(), &grown[..]), ("scratch", &layers[..]));
    }
}
