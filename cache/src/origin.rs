//! Descriptions of the changes that this process makes to names, for the versions that the changes record.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

/// Function that describes a part of the changes. It runs only when a version is recorded.
type Describe = dyn Fn() -> Map<String, Value> + Send + Sync;

/// Parts of the description, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Origin(Mutex<Vec<Box<Describe>>>);

impl Origin {
    /// Adds a part to the description.
    pub(crate) fn add(&self, describe: Box<Describe>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(describe);
    }

    /// Returns the whole description. Where two parts have the same field, the later one wins.
    pub(crate) fn describe(&self) -> Map<String, Value> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().flat_map(|describe| describe()).collect()
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin")
    }
}
