//! Paths that differ from the layers below, as a driver of snapshots finds them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use trees::entry::{Entry, Kind};

/// Path that differs from the lower layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Path relative to the root.
    pub path: PathBuf,
    /// New entry at the path. A file's second and further names are [`Kind::Hardlink`]s to the first.
    pub entry: Entry,
}

impl Change {
    /// Returns the first name of the file of which this is a further name; `None` for everything else.
    pub(crate) fn first_name(&self) -> Option<&Path> {
        match &self.entry.kind {
            Kind::Hardlink { target } => Some(target),
            _ => None,
        }
    }
}

/// Device and inode of a file that has several names, some of which can be outside of the layer; else `None`.
pub(crate) type SharedInode = Option<(u64, u64)>;

/// Sorts changes by their paths' components, and turns all names of a file but the first into links to the first.
pub(crate) fn in_order(mut found: Vec<(Change, SharedInode)>) -> Vec<Change> {
    found.sort_unstable_by(|(left, _), (right, _)| left.path.cmp(&right.path));
    let mut firsts = HashMap::new();
    let link = |(mut change, shared): (Change, SharedInode)| {
        if let Some(inode) = shared {
            let first = firsts.entry(inode).or_insert_with(|| change.path.clone());
            if *first != change.path {
                change.entry.kind = Kind::Hardlink { target: first.clone() };
            }
        }
        change
    };
    found.into_iter().map(link).collect()
}
