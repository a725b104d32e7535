//! How steps and their inputs are referred to.

use serde::Serialize;

/// Index of a step in [`Graph::steps`](crate::Graph::steps).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepId(pub usize);

/// Position of an input in [`Step::inputs`](crate::Step::inputs).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct InputIndex(pub usize);
