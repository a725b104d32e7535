//! The hash of the operations up to a step, regardless of the files they were applied to.

use super::Parts;
use crate::result::Recipe;

impl Recipe {
    /// Recipe of a source, whose identity shows in its layers.
    pub const EMPTY: Self = Self::from_bytes([0; 32]);

    /// Returns the recipe after `own` was done on top of `below`.
    pub fn then(below: &[Self], own: &Parts) -> Self {
        let mut bytes: Vec<u8> = below.iter().flat_map(|recipe| *recipe.as_bytes()).collect();
        bytes.extend_from_slice(own.key().as_bytes());
        Self::of(&bytes)
    }

    /// Returns the recipe as a part of a key shows it.
    pub fn text(&self) -> String {
        self.to_string()
    }
}
