//! The differences between two images, as data that can be shown as text, as JSON or as a page.
//!
//! ```text
//! comparison   all differences between two images
//! files        files that were added, removed or changed
//! fold         directories that were added or removed as a whole, as one row
//! packages     packages that were added, removed or have another version
//! config       settings of the image: ENV, CMD, labels …
//! layers       layers that the images share, and the others
//! ```
//!
//! Both images are read through the indexes of their layers: nothing is unpacked, and files are not read, because an index
//! has the digest of each. Times of files do not count as a difference, since a rebuild changes them all.
//!
//! Invariant: an image compared with itself has no differences, and the same two images always give the same document.

mod comparison;
mod config;
mod files;
mod fold;
mod layers;
mod packages;

pub use comparison::{CompareError, Comparison, compare};
pub use config::Setting;
pub use files::{FileChange, FileChanges, FileState, compare_files};
pub use fold::{Row, fold};
pub use layers::{LayerChanges, LayerInfo};
pub use packages::PackageChange;

/// Package manager that lists a package.
pub use ::packages::Kind as PackageKind;

use serde::Serialize;

/// Kind of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the second image has it.
    Added,
    /// Only the first image has it.
    Removed,
    /// Both images have it, and it differs.
    Changed,
}
