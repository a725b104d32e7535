//! Directories that were added or removed as a whole, as one row: a new Python package is a line and not a thousand.

use std::path::Path;

use crate::Change;
use crate::files::{FileChange, FileState};

/// Row of a list of files.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'a> {
    /// Difference at the path of the row.
    pub change: &'a FileChange,
    /// Number of paths below a directory that were added or removed with it; 0 for all else.
    pub below: u64,
    /// Size of the files that the row stands for, before and after.
    pub before_bytes: u64,
    /// Size of the files that the row stands for, after.
    pub after_bytes: u64,
}

impl<'a> Row<'a> {
    /// Returns the row of one change.
    pub fn of(change: &'a FileChange) -> Self {
        let size = |state: &Option<FileState>| state.as_ref().map_or(0, |state| state.size_bytes);
        Self { change, below: 0, before_bytes: size(&change.before), after_bytes: size(&change.after) }
    }
}

/// Folds changes, which are in the order of their paths with directories before what is in them.
///
/// A directory is folded if it was added or removed, since then everything in it was, too.
pub fn fold(changes: &[FileChange]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut folded: Option<&Path> = None;
    for change in changes {
        let own = Row::of(change);
        match rows.last_mut().filter(|_| folded.is_some_and(|dir| change.path.starts_with(dir))) {
            Some(row) => {
                row.below += 1;
                row.before_bytes += own.before_bytes;
                row.after_bytes += own.after_bytes;
            }
            None => {
                let is_dir = change.before.iter().chain(&change.after).all(|state| state.kind == "directory");
                folded = (is_dir && change.change != Change::Changed).then_some(change.path.as_path());
                rows.push(own);
            }
        }
    }
    rows
}
