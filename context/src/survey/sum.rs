//! Sums: how many files and bytes there are.

use std::ops::AddAssign;
use std::path::PathBuf;

/// Number and size of some files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Number of files that are not directories.
    pub files: u64,
    /// Number of directories, empty ones included.
    pub folders: u64,
    /// Size of all regular files in bytes.
    pub size_bytes: u64,
    /// True if there is more that was not counted.
    pub is_partial: bool,
}

/// A path, and how much it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Path from the root of the context.
    pub path: PathBuf,
    /// True if the path is a directory.
    pub is_folder: bool,
    /// Sum of the path and everything below it.
    pub sum: Sum,
}

impl Sum {
    pub(super) fn file(size_bytes: u64) -> Self {
        Self { files: 1, size_bytes, ..Self::default() }
    }

    pub(super) fn folder() -> Self {
        Self { folders: 1, ..Self::default() }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            folders: self.folders + other.folders,
            // Sparse files can claim any length.
            size_bytes: self.size_bytes.saturating_add(other.size_bytes),
            is_partial: self.is_partial || other.is_partial,
        }
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        *self = self.plus(other);
    }
}
